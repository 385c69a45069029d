# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The parts of Loki's configuration that follow from each other: store, schema, ring, retention. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import config_merge, is_list
from ansible_collections.obs.stack.plugins.module_utils._wiring import parse_listen

ETC = "/etc/loki"
_DATE = re.compile(r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
_PART = re.compile(r"([0-9]+)(ms|s|m|h|d|w|y)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_SIZE = re.compile(r"^([0-9]+)([KMGT]?)$")
DAY = 86400

# Every block with which one member asks another by gRPC.
INTERNAL_CLIENTS = (
    ("compactor_grpc_client",),
    ("frontend", "grpc_client_config"),
    ("frontend_worker", "query_frontend_grpc_client"),
    ("frontend_worker", "query_scheduler_grpc_client"),
    ("ingester_client", "grpc_client_config"),
    ("pattern_ingester", "client_config", "grpc_client_config"),
    ("query_scheduler", "grpc_client_config"),
    ("ruler", "ruler_client"),
    ("storage_config", "tsdb_shipper", "index_gateway_client", "grpc_client_config"),
)


def loki_storage(s3: Mapping[str, t.Any], data_dir: str) -> dict[str, t.Any]:
    """Where chunks and index are: a bucket, or the data folder.

    Args:
        s3: upstream's keys of ``common.storage.s3``; empty for the file system. ``access_key_id`` and
            ``secret_access_key`` become a credentials file; without them the instance's role counts.
        data_dir: the data folder.

    Returns:
        ``object_store`` for the schema, ``config``, ``secrets`` and ``environment``.

    Raises:
        StackError: no bucket, or half a pair of keys.
    """
    if not s3:
        folders = {"chunks_directory": f"{data_dir}/chunks", "rules_directory": f"{data_dir}/rules"}
        return {
            "object_store": "filesystem",
            "config": {"common": {"storage": {"filesystem": folders}}},
            "secrets": [],
            "environment": {},
        }
    keys = [key for key in ("access_key_id", "secret_access_key") if s3.get(key)]
    if not s3.get("bucketnames"):
        why, hint = "it names no bucket", "Set bucketnames."
    elif len(keys) == 1:
        why, hint = (
            f"it has only {keys[0]}",
            "Set access_key_id and secret_access_key, or neither for the instance's role.",
        )
    else:
        why = hint = ""
    if why:
        raise StackError("Could not use loki_s3", why=why, hint=hint)
    kept = {
        key: value for key, value in s3.items() if key not in ("access_key_id", "secret_access_key", "session_token")
    }
    secrets, environment = [], {}
    if keys:
        # With colons each value is masked on its own as well; the SDK reads them like equal signs.
        lines = ["[default]"]
        for key, setting in (
            ("access_key_id", "aws_access_key_id"),
            ("secret_access_key", "aws_secret_access_key"),
            ("session_token", "aws_session_token"),
        ):
            lines += [f"{setting}: {s3[key]}"] if s3.get(key) else []
        secrets = [
            {
                "path": "secrets/s3_credentials",
                "content": "\n".join(lines) + "\n",
                "variable": "loki_s3",
                "on_change": "restart",
            }
        ]
        environment = {"AWS_SHARED_CREDENTIALS_FILE": f"{ETC}/secrets/s3_credentials"}
    return {
        "object_store": "s3",
        "config": {"common": {"storage": {"s3": kept}}},
        "secrets": secrets,
        "environment": environment,
    }


def loki_periods(config: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The schema periods of a configuration, in plain form and order.

    Raises:
        StackError: no period, a date that is none, two of one date, an index period other than a day, or a newest
            period that cannot hold structured metadata while that is allowed.
    """
    configs = (config.get("schema_config") or {}).get("configs")
    if not is_list(configs) or not configs:
        raise _schema("it has no configs", "Leave schema_config out for the default, or list every period ever used.")
    periods = []
    for number, item in enumerate(t.cast("Sequence[t.Any]", configs), 1):
        if not isinstance(item, Mapping) or not _DATE.match(str(item.get("from", ""))):
            raise _schema(f"period {number} has no from of the form YYYY-MM-DD", 'Quote it: from: "2024-04-01".')
        index = item.get("index") or {}
        if not isinstance(index, Mapping) or index.get("period") != "24h":
            raise _schema("the index period from {} is not 24h".format(item["from"]), "Set index.period to 24h.")
        periods.append(dict(item, **{"from": str(item["from"]), "index": dict(index)}))
    begins = [period["from"] for period in periods]
    if begins != sorted(set(begins)):
        raise _schema("its periods are not in the order of their dates, each once", "Add a new period at the end.")
    newest, limits = periods[-1], config.get("limits_config") or {}
    new_enough = newest.get("store") == "tsdb" and str(newest.get("schema")) >= "v13"
    if limits.get("allow_structured_metadata", True) and not new_enough:
        raise _schema(
            "its newest period is {} {}, which holds no structured metadata".format(
                newest.get("store"), newest.get("schema")
            ),
            "Add a period with store tsdb and schema v13 that begins tomorrow or later; until then set"
            " limits_config.allow_structured_metadata to false.",
        )
    return periods


def _schema(why: str, hint: str) -> StackError:
    return StackError("Could not use schema_config of loki_config", why=why, hint=hint)


def loki_ring(
    members: Sequence[str], *, member: str, address: str, listen: str, factor: int, object_store: str
) -> dict[str, t.Any]:
    """The ring: alone, or with its members by gossip.

    Args:
        members: gossip addresses host:port of all members; empty for one alone.
        member: this member's name, which must differ from every other's.
        address: the address at which the others reach this one.
        listen: gossip listen address.
        factor: replicas of every line, 0 for three where there are three members, else one.
        object_store: of the schema.

    Raises:
        StackError: members over a local file system, fewer members than replicas, or no address.
    """
    if not members:
        return {
            "common": {
                "instance_addr": "127.0.0.1",
                "replication_factor": factor or 1,
                "ring": {"instance_id": member, "kvstore": {"store": "inmemory"}},
            }
        }
    replicas = factor or (3 if len(members) >= 3 else 1)
    if object_store == "filesystem":
        why, hint = "its members would each keep a part of the logs on their own disk", "Set loki_s3."
    elif replicas > len(members):
        why, hint = (
            f"{replicas} replicas need as many members, there are {len(members)}",
            "Set loki_replication_factor.",
        )
    elif not address:
        why, hint = "the others must know where this one is", "Set loki_advertise_address."
    else:
        why = hint = ""
    if why:
        raise StackError(f"Could not make a ring of {len(members)} Lokis", why=why, hint=hint)
    gossip = parse_listen(listen, "loki_memberlist_listen_address")
    memberlist: dict[str, t.Any] = {
        "node_name": member,
        "bind_port": gossip.port,
        "advertise_port": gossip.port,
        "join_members": [str(one) for one in members],
    }
    if gossip.host and gossip.host != "0.0.0.0":  # noqa: S104  compared, not bound
        memberlist["bind_addr"] = [gossip.host]
    ring: dict[str, t.Any] = {"instance_id": member, "kvstore": {"store": "memberlist"}}
    common: dict[str, t.Any] = {"replication_factor": replicas, "ring": ring}
    result: dict[str, t.Any] = {
        "common": common,
        "memberlist": memberlist,
        # Its default is the host name: of two equal ones, queries hang once one of them stops.
        "frontend_worker": {"id": member},
    }
    if _is_ip(address):
        common["instance_addr"] = address
    else:
        # Gossip takes no name, and would get it from common: it finds the host's own private address by itself.
        ring["instance_addr"] = address
        result["frontend"] = {"address": address}
    return result


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def loki_internal_tls(internal: Mapping[str, t.Any], server_name: str, clustered: bool) -> dict[str, t.Any]:
    """The blocks by which members ask each other, with TLS; nothing where there is none.

    Args:
        internal: tls_* keys of server_access.
        server_name: a name that every member's certificate has; empty to demand the address asked.
        clustered: whether members gossip as well.
    """
    if not internal:
        return {}
    keys = dict(internal, tls_server_name=server_name) if server_name else dict(internal)
    result: dict[str, t.Any] = {"memberlist": dict(keys)} if clustered else {}
    for path in INTERNAL_CLIENTS:
        block: dict[str, t.Any] = dict(keys)
        for part in reversed(path):
            block = {part: block}
        result = config_merge(result, block)
    return result


def seconds(duration: str) -> float:
    """Seconds of a duration in Prometheus' notation, such as 744h or 1d12h.

    Raises:
        StackError: it is none.
    """
    text = str(duration)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise StackError(
            f"Could not read the duration '{text}'", why="it is not of the form 744h", hint="Units: s m h d w."
        )
    return float(sum(int(number) * _SECONDS[unit] for number, unit in parts))


def loki_retention(period: str, streams: Sequence[t.Any]) -> dict[str, t.Any]:
    """limits_config of a retention: for all, and for streams of their own.

    Args:
        period: how long lines stay; empty for ever.
        streams: upstream's items {selector, period, priority}.

    Raises:
        StackError: less than a day, which Loki refuses, or streams without a period for the rest.
    """
    if not period:
        if streams:
            raise StackError(
                "Could not use loki_retention_streams",
                why="loki_retention_time is empty: nothing is deleted",
                hint="Set loki_retention_time.",
            )
        return {}
    result: list[dict[str, t.Any]] = []
    for variable, value in [("loki_retention_time", period)] + [
        ("loki_retention_streams", item.get("period") if isinstance(item, Mapping) else None) for item in streams
    ]:
        if seconds(str(value)) < DAY:
            raise StackError(
                f"Could not use {variable}",
                why=f"{value} is less than a day, which is Loki's least",
                hint="Set 24h or more.",
            )
    for number, item in enumerate(streams, 1):
        if not str(item.get("selector") or "").startswith("{"):
            raise StackError(
                "Could not use loki_retention_streams",
                why=f"item {number} has no selector",
                hint="Write {selector: '{env=\"dev\"}', period: 72h, priority: 1}.",
            )
        result.append(dict(item, priority=int(item.get("priority") or 1)))
    return dict({"retention_period": period}, **({"retention_stream": result} if result else {}))


def go_memory_limit(memory_max: str) -> dict[str, str]:
    """GOMEMLIMIT for a MemoryMax of systemd, a tenth below it; nothing for a share or none."""
    match = _SIZE.match(str(memory_max))
    if not match:
        return {}
    number, unit = int(match.group(1)), match.group(2)
    return {"GOMEMLIMIT": str(number * 1024 ** " KMGT".index(unit or " ") * 9 // 10)}
