# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What ``obs_object_storage`` means for each role that keeps things in a bucket, of variables as in hostvars. Pure.

Keys of Thanos: thanos.io/tip/thanos/storage.md; of Loki: ``common.storage.s3``; of Tempo: ``storage.trace.s3``.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import text

# Who has a bucket of its own, and the role variable that wins over this one.
OWNERS = {"thanos": "thanos_objstore", "loki": "loki_s3", "tempo": "tempo_s3"}


def storage_of(variables: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    """The object storage of a host's site, empty when there is none."""
    storage = variables.get("obs_object_storage") or {}
    return storage if text(storage, "type", "s3") == "s3" else {}


def bucket(variables: Mapping[str, t.Any], owner: str) -> str:
    """Which bucket a role works on: endpoint, name and prefix; "" for none."""
    own = variables.get(OWNERS[owner])
    if own:
        config = own.get("config", own)
        name = config.get("bucket") or config.get("bucketnames")
        prefix = own.get("prefix") or config.get("prefix")
        return "/".join(str(part) for part in (config.get("endpoint"), name, prefix) if part) if name else ""
    storage = storage_of(variables)
    name = (storage.get("buckets") or {}).get(owner)
    return "/".join(str(part) for part in (storage.get("endpoint"), name) if part) if name else ""


def thanos_objstore(variables: Mapping[str, t.Any], *, alone: bool) -> dict[str, t.Any]:
    """``thanos_objstore``: the bucket; a folder where the site is one host; else nothing."""
    storage = storage_of(variables)
    name = (storage.get("buckets") or {}).get("thanos")
    if not name:
        return {"type": "FILESYSTEM", "config": {"directory": "/var/lib/thanos/bucket"}} if alone else {}
    config: dict[str, t.Any] = {"bucket": name, "endpoint": storage.get("endpoint"), **_kept(storage, "region")}
    config.update(_kept(storage, "access_key", "secret_key", "insecure"))
    if storage.get("ca_path"):
        config["http_config"] = {"tls_config": {"ca_file": str(storage["ca_path"])}}
    return {"type": "S3", "config": config}


def loki_s3(variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """``loki_s3``, empty without a bucket."""
    storage = storage_of(variables)
    name = (storage.get("buckets") or {}).get("loki")
    if not name:
        return {}
    found = {"bucketnames": name, **_kept(storage, "endpoint", "region", "insecure")}
    found.update(
        {
            ours: storage[key]
            for key, ours in (("access_key", "access_key_id"), ("secret_key", "secret_access_key"))
            if storage.get(key)
        }
    )
    if path_style(storage):
        found["s3forcepathstyle"] = True
    if storage.get("ca_path"):
        found["http_config"] = {"ca_file": str(storage["ca_path"])}
    return found


def tempo_s3(variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """``tempo_s3``, empty without a bucket."""
    storage = storage_of(variables)
    name = (storage.get("buckets") or {}).get("tempo")
    if not name:
        return {}
    found = {"bucket": name, **_kept(storage, "endpoint", "region", "access_key", "secret_key", "insecure")}
    if path_style(storage):
        found["path_style"] = True
    return found


def path_style(storage: Mapping[str, t.Any]) -> bool:
    """Whether the bucket stands in the path: unless told, with everything but AWS."""
    told = storage.get("path_style")
    return not text(storage, "endpoint").endswith("amazonaws.com") if told is None else bool(told)


def _kept(storage: Mapping[str, t.Any], *keys: str) -> dict[str, t.Any]:
    return {key: storage[key] for key in keys if storage.get(key)}
