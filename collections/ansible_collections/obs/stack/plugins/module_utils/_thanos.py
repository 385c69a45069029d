# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the thanos role must know of object storage, retention and the one compactor. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

# Thanos takes days, weeks and years as Prometheus does: a day is 24 hours, a year 365 days.
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_DURATION = re.compile(r"^(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$")
_DAY = 86400.0
# Blocks of 5m resolution become 1h blocks once they span 10 days, which takes raw blocks as long to be compacted.
_LAST_PASS_DAYS = 10

_TOP_KEYS = ("type", "config", "prefix")
_DIRECTORY = re.compile(r"^(/[A-Za-z0-9_.+-]+)+$")
_PROVIDERS = ("FILESYSTEM", "S3", "GCS", "AZURE", "SWIFT", "COS", "ALIYUNOSS", "BOS", "OCI", "OBS")
# What S3 needs to be asked with; the rest of its configuration is no secret and stays readable in diffs and errors.
_S3_CREDENTIALS = (
    ("access_key", "aws_access_key_id"),
    ("secret_key", "aws_secret_access_key"),
    ("session_token", "aws_session_token"),
)
_CREDENTIALS_FILE = "secrets/aws_credentials"


def duration_seconds(text: str, name: str = "duration") -> float:
    """Seconds of a duration as Prometheus and Thanos write it, such as ``30d`` or ``1h30m``; ``0`` is 0.

    Args:
        text: the duration.
        name: the variable it came from, for the error.

    Raises:
        StackError: it is none.
    """
    value = str(text).strip()
    if value == "0":
        return 0.0
    if not value or not _DURATION.match(value):
        raise StackError(
            f"Could not read {name} '{text}'",
            why="it is no duration",
            hint="Write numbers with y, w, d, h, m, s or ms, the largest first, such as 30d or 1h30m.",
        )
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", value))


def retention(raw: str, five_minutes: str, one_hour: str, *, downsampling: bool = True) -> dict[str, str]:
    """The compactor's flags for how long each resolution is kept; ``0d`` keeps for ever.

    Args:
        raw: retention of raw samples.
        five_minutes: retention of the 5 minute resolution.
        one_hour: retention of the 1 hour resolution.
        downsampling: False where ``downsampling.disable`` is set; then raw samples are all there is.

    Raises:
        StackError: a value is no duration, or ends before the blocks have been downsampled to the next resolution.
    """
    levels = (("raw", raw, "5m"), ("5m", five_minutes, "1h"), ("1h", one_hour, ""))
    for level, text, following in levels:
        name = f"thanos_compact_retention_{level}"
        seconds = duration_seconds(text, name)
        if not downsampling or not following or seconds == 0 or seconds >= _LAST_PASS_DAYS * _DAY:
            continue
        raise StackError(
            f"Could not keep {level} blocks for {text}",
            why=f"blocks are downsampled to 1h only once they are {_LAST_PASS_DAYS} days long, so these would be "
            "deleted before that and nothing would be left of them",
            hint=f"Set {name} to {_LAST_PASS_DAYS}d or more, to 0d to keep them for ever, or "
            "thanos_compact_flags: {downsampling.disable: true}.",
        )
    return {f"retention.resolution-{level}": str(text) for level, text, _following in levels}


def deletion(delete_delay: str, ignore_marks_delay: str) -> dict[str, str]:
    """The flags for blocks marked for deletion: stores stop reading them before the compactor deletes them.

    Args:
        delete_delay: how long after the mark the compactor deletes.
        ignore_marks_delay: how long after the mark stores still read.

    Raises:
        StackError: a value is no duration, or blocks would be gone while stores still read them.
    """
    if duration_seconds(ignore_marks_delay, "thanos_store_ignore_deletion_marks_delay") < duration_seconds(
        delete_delay, "thanos_compact_delete_delay"
    ):
        return {"delete-delay": str(delete_delay), "ignore-deletion-marks-delay": str(ignore_marks_delay)}
    raise StackError(
        f"Could not let stores read deleted blocks for {ignore_marks_delay}",
        why=f"the compactor deletes them {delete_delay} after the mark, so queries would fail on missing blocks",
        hint="Set thanos_store_ignore_deletion_marks_delay shorter than thanos_compact_delete_delay.",
    )


def one_compactor(hosts: Sequence[str]) -> str:
    """The one host that compacts a bucket, "" where none does.

    Args:
        hosts: the hosts that run a compactor on the same bucket.

    Raises:
        StackError: there are two: both would compact the same blocks, overlap, and halt.
    """
    distinct = list(dict.fromkeys(hosts))
    if len(distinct) > 1:
        raise StackError(
            "Could not run the compactor on {0}".format(" and ".join(distinct)),
            why="two on one bucket compact the same blocks and leave overlapping ones, on which both halt",
            hint="Choose one host. To move it, take it from the old host first (thanos_absent_components: [compact]).",
        )
    return distinct[0] if distinct else ""


def files_for(items: Sequence[Mapping[str, t.Any]], component: str) -> list[dict[str, t.Any]]:
    """The files of a list that are for a component: those that name it in ``components``, and those that name none."""
    return [
        {key: value for key, value in item.items() if key != "components" and value is not None}
        for item in items
        if not item.get("components") or component in item["components"]
    ]


def objstore(config: Mapping[str, t.Any] | None, *, service: str, required: bool = False) -> dict[str, t.Any]:
    """Everything that follows from the object storage of a component.

    Args:
        config: upstream's object storage configuration: ``type``, ``config``, ``prefix``; empty for none.
        service: name of the service, such as ``thanos-store``.
        required: whether the component is nothing without it.

    Returns:
        ``config_file`` (``None`` without storage), ``directory`` (of FILESYSTEM, else empty), ``files``, ``secrets``
        and ``environment`` for release_service, and ``questions``: what is to be asked before a rollout.

    Raises:
        StackError: it is missing where required, or cannot work.
    """
    if not config:
        if required:
            raise _objstore_error(
                f"Could not run {service} without object storage",
                "thanos_objstore is empty",
                "Set thanos_objstore to a bucket, or to {type: FILESYSTEM, config: {directory: …}} on a single host.",
            )
        return {"config_file": None, "directory": "", "files": [], "secrets": [], "environment": {}, "questions": []}
    kind = _checked_kind(config)
    path = f"/etc/{service}/objstore.yml"
    result: dict[str, t.Any] = {
        "config_file": path,
        "directory": "",
        "files": [],
        "secrets": [],
        "environment": {},
        "questions": [],
    }
    own = dict(config["config"])
    item = {"path": "objstore.yml", "on_change": "restart", "variable": "thanos_objstore"}
    if kind == "FILESYSTEM":
        result["directory"] = _checked_directory(own)
        result["files"] = [dict(item, data=dict(config, type=kind))]
        return result
    about = kind
    if kind == "S3":
        about = _checked_s3(own)
        credentials = [f"{name} = {own.pop(key)}" for key, name in _S3_CREDENTIALS if own.get(key)]
        # A key for the encryption of objects has no other place than this file.
        open_text = not (own.get("sse_config") or {}).get("encryption_key")
        if credentials:
            content = "\n".join(["[default]"] + credentials) + "\n"
            result["secrets"] = [
                {
                    "path": _CREDENTIALS_FILE,
                    "content": content,
                    "on_change": "restart",
                    "variable": "thanos_objstore",
                }
            ]
            result["environment"] = {"AWS_SHARED_CREDENTIALS_FILE": f"/etc/{service}/{_CREDENTIALS_FILE}"}
    else:
        open_text = False
    result["files" if open_text else "secrets"].append(dict(item, data=dict(config, type=kind, config=own)))
    result["questions"] = [
        {
            "name": about,
            "argv": ["thanos", "tools", "bucket", "ls", "--timeout=20s", f"--objstore.config-file={path}"],
            "hint": "Correct thanos_objstore, or what stands between this host and it.",
        }
    ]
    return result


def _objstore_error(what: str, why: str, hint: str) -> StackError:
    return StackError(what, why=why, hint=hint)


def _checked_kind(config: Mapping[str, t.Any]) -> str:
    unknown = sorted(set(config) - set(_TOP_KEYS))
    kind = str(config.get("type") or "").upper()
    if unknown:
        why = f"unknown key '{unknown[0]}'"
    elif kind not in _PROVIDERS:
        why = "type is '{0}'".format(config.get("type") or "")
    elif not isinstance(config.get("config"), Mapping):
        why = "config is no dictionary"
    else:
        return kind
    raise _objstore_error(
        "Could not use thanos_objstore",
        why,
        "Write upstream's keys: type (one of {0}), config, prefix.".format(", ".join(_PROVIDERS)),
    )


def _checked_directory(config: Mapping[str, t.Any]) -> str:
    # Thanos itself passes over what it does not know in the configuration of a directory.
    unknown = sorted(set(config) - {"directory"})
    directory = str(config.get("directory") or "")
    if unknown:
        why = f"unknown key '{unknown[0]}'"
    elif not _DIRECTORY.match(directory) or ".." in directory:
        why = f"'{directory}' is not a plain absolute path"
    else:
        return directory
    raise _objstore_error(
        "Could not use thanos_objstore", why, "FILESYSTEM takes one key, directory, such as /var/lib/thanos/bucket."
    )


def _checked_s3(config: Mapping[str, t.Any]) -> str:
    """What an S3 bucket is called in messages, its configuration found to be whole."""
    bucket, endpoint = str(config.get("bucket") or ""), str(config.get("endpoint") or "")
    hint = "Set it in thanos_objstore.config."
    if not bucket or not endpoint:
        why = "no {0}".format("endpoint" if bucket else "bucket")
    elif "://" in endpoint or "/" in endpoint:
        why = f"endpoint '{endpoint}' is no host:port"
        hint = "Write it without scheme and path; insecure: true is for plain HTTP."
    elif bool(config.get("access_key")) != bool(config.get("secret_key")):
        why = "only one of access_key and secret_key"
        hint = "Set both, or none of them where an instance profile gives access."
    elif config.get("aws_sdk_auth") and config.get("access_key"):
        why = "both aws_sdk_auth and access_key"
        hint = "Leave one of them out."
    else:
        return f"bucket {bucket} at {endpoint}"
    raise _objstore_error("Could not use thanos_objstore", why, hint)
