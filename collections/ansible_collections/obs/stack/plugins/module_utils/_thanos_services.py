# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How the components of Thanos are run, probed and taken back: the options of release_service for each. Pure."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._merge import cli_flags, config_merge
from ansible_collections.obs.stack.plugins.module_utils._thanos import files_for, objstore, one_compactor
from ansible_collections.obs.stack.plugins.module_utils._thanos_access import grpc, web

# Those that others ask come before those that ask. What goes away goes first.
ORDER = ("compact", "store", "receive", "sidecar", "rule", "query", "query_frontend")
NEED_A_BUCKET = ("compact", "store")

# A bucket that is a folder is made at the start, where root still can; one that is there stays as it is.
_MAKE_FOLDER = '+/bin/sh -c "test -d {0} || install -d -o root -g {1} -m 0770 {0}"'

Options = t.Dict[str, t.Any]  # noqa: UP006  evaluated: sanity imports this with Python 3.8


def services(
    wanted: Sequence[str], *, leaving: Sequence[str], wirings: Mapping[str, t.Any], common: Mapping[str, t.Any]
) -> list[Options]:
    """What release_services is to do on a host, in order.

    Args:
        wanted: the components that are to run.
        leaving: those that are to be removed where they are.
        wirings: component to what is its own (roles/thanos/vars/main/<component>.yml); read only of those named.
        common: what all have in common (roles/thanos/vars/main/service.yml).

    Raises:
        StackError: a component cannot run as it is declared.
    """
    gone = [component for component in ORDER if component in leaving and component not in wanted]
    here = [component for component in ORDER if component in wanted]
    state = str(common["lifecycle"]["state"])
    found = [_service(component, "absent", wirings[component], common) for component in gone]
    return found + [_service(component, state, wirings[component], common) for component in here]


def _service(component: str, state: str, wiring: Mapping[str, t.Any], common: Mapping[str, t.Any]) -> Options:
    command = component.replace("_", "-")
    name = "thanos-" + command
    own = {key: wiring[key] for key in ("ready_timeout", "settle") if key in wiring}
    options = {
        **common["lifecycle"],
        **own,
        "name": name,
        "state": state,
        # The sidecar links into Prometheus' data and must have its user; what all of them have in common is the group.
        "account": dict(common["account"], user=wiring.get("user") or common["account"]["user"]),
        "data": {"path": str(wiring.get("data_dir") or ""), "mode": "0750"},
    }
    if state == "absent":
        return options
    one_compactor(wiring.get("hosts") or [])
    access = web(
        wiring["listen_address"],
        service=name,
        component=component,
        open_components=common["open_components"],
        **common["protection"],
    )
    grpc_address = str(wiring.get("grpc_address") or "")
    internal = grpc(grpc_address, service=name, component=component, tls=common["grpc_tls"])
    wanted = common["objstore"] if wiring["bucket"] else {}
    bucket = objstore(wanted, service=name, required=component in NEED_A_BUCKET)
    flags = config_merge(
        {
            "http-address": wiring["listen_address"],
            "http.config": access["config_file"],
            # Upper bounds, one after the other: what has no request open ends at once.
            "http-grace-period": "30s",
            "grpc-grace-period": "30s" if grpc_address else None,
            "objstore.config-file": bucket["config_file"],
            "tracing.config": _tracing(name, str(common["otlp_address"])),
        },
        internal["flags"],
        wiring["flags"],
        wiring["own_flags"],
    )
    argv = ["thanos", command, *cli_flags(flags)]
    return {
        **options,
        "release": common["release"],
        "command": argv,
        "environment": {**access["environment"], **bucket["environment"], **common["environment"]},
        "files": [
            *access["files"],
            *internal["files"],
            *bucket["files"],
            *wiring["files"],
            *files_for(common["files"], component),
        ],
        "secrets": [
            *access["secrets"],
            *internal["secrets"],
            *bucket["secrets"],
            *wiring["secrets"],
            *files_for(common["secrets"], component),
        ],
        "live": wiring["live"],
        "unit": _unit(wiring, bucket["directory"], common),
        # Thanos cannot check its arguments without starting. Asked for its version with all of them, it at least
        # refuses those it does not know.
        "checks": [{"name": "thanos " + command, "argv": [*argv, "--version"]}, *wiring["checks"]],
        "questions": bucket["questions"],
        "reload": wiring["reload"],
        # 200 means: store, first blocks loaded; query, first look at its endpoints; sidecar, Prometheus and its labels
        # are there.
        "probe": {**access["probe"], "path": "/-/ready"},
    }


def _tracing(name: str, address: str) -> str | None:
    """Where a part of its own spans goes."""
    config = {
        "client_type": "grpc",
        "endpoint": address,
        "insecure": True,
        "service_name": name,
        "sampler_type": "parentbasedtraceidratio",
        "sampler_param": "0.1",
    }
    return json.dumps({"type": "OTLP", "config": config}) if address else None


def _unit(wiring: Mapping[str, t.Any], bucket: str, common: Mapping[str, t.Any]) -> Options:
    data_dir = str(wiring.get("data_dir") or "")
    # The dash: it may be missing until the start.
    writable = [data_dir, "-" + bucket if bucket else "", *wiring["writable"]]
    sandbox: Options = {"ReadWritePaths": " ".join(path for path in writable if path) or None}
    if bucket:
        # All components write to it, each as its own user: the group may do what the user may.
        sandbox["UMask"] = "0007"
        sandbox["ExecStartPre"] = _MAKE_FOLDER.format(bucket, common["account"]["group"])
    limits: Options = {"LimitNOFILE": 65536}
    if wiring["memory_max"]:
        limits["MemoryMax"] = wiring["memory_max"]
    return {
        "description": wiring["description"],
        "documentation": ["https://thanos.io/tip/thanos/getting-started.md/"],
        "after": ["network-online.target", *wiring["after"]],
        "wants": ["network-online.target"],
        "sandbox": {**sandbox, **common["sandbox"]},
        "limits": {**limits, **common["limits"]},
        "stop_timeout": wiring.get("stop_timeout") or common["stop_timeout"],
    }
