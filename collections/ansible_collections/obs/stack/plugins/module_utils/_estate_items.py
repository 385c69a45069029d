# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Lists of items that variables of hosts have, and what an item may say that becomes a scrape job. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import (
    COMPONENTS,
    Access,
    Groups,
    HostVars,
    hosts_of,
    text,
)
from ansible_collections.obs.stack.plugins.module_utils._estate_spec import some

Made = t.TypeVar("Made")

# Ours on every target; zone and replica are labels of a Prometheus and would be dropped from alerts.
RESERVED_LABELS = ("job", "instance", "host", "site", "host_zone", "zone", "replica")
# Prometheus' own default: a target whose timeout is longer than its interval is left out.
DEFAULT_TIMEOUT = "10s"

_JOB = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
_LABEL = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_DURATION = re.compile(
    r"^(?:([0-9]+)y)?(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$"
)
_MILLISECONDS = (365 * 86400000, 7 * 86400000, 86400000, 3600000, 60000, 1000, 1)


def refusal(where: str, why: str, hint: str = "") -> StackError:
    """Why an item of a list cannot be used."""
    return StackError(f"Could not use {where}", why=why, hint=hint)


def listed(
    family: str, host: str, variables: Mapping[str, t.Any], hint: str, other: str = ""
) -> list[tuple[str, t.Any]]:
    """Every item of the lists ``<family>`` and ``<family>_<anything>`` of a host, with its variable and number there.

    Args:
        family: name of the variable.
        host: whose variables these are, for the error.
        variables: of that host.
        hint: what should be written.
        other: a variable that only looks as if it were of the family.

    Raises:
        StackError: a variable is not a list.
    """
    found: list[tuple[str, t.Any]] = []
    for name in sorted(str(name) for name in variables if str(name).startswith(family)):
        if name == other or (name != family and not name.startswith(f"{family}_")):
            continue
        items = variables[name] or []
        if not isinstance(items, (list, tuple)):
            raise refusal(f"{name} of {host}" if host else name, "it is not a list", hint)
        found += [(f"{name}[{number}]", item) for number, item in enumerate(items, 1)]
    return found


class Refusals:
    """Why items cannot be used: each reason once, for all its hosts."""

    # Stands for the hosts of a message until all that it is about are known.
    HERE = "\0"

    def __init__(self) -> None:
        self._hosts: dict[str, list[str]] = {}

    def add(self, reason: t.Any, host: str) -> None:
        """A reason, in which HERE stands for its hosts, holds for one more host."""
        self._hosts.setdefault(str(reason), []).append(host)

    def words(self) -> list[str]:
        """The reasons, in words for their owner."""
        return [reason.replace(self.HERE, some(hosts)) for reason, hosts in self._hosts.items()]


def read_all(
    groups: Groups,
    hostvars: HostVars,
    items_of: Callable[[str, Mapping[str, t.Any]], list[tuple[str, t.Any]]],
    made: Callable[[str, Mapping[str, t.Any], t.Any, str], Iterable[Made]],
) -> tuple[list[Made], list[str]]:
    """All that the items of all hosts become, and why the others cannot.

    Args:
        groups: names of all hosts by group.
        hostvars: inventory variables of every host.
        items_of: the items of a host, as :func:`listed` gives them.
        made: what an item becomes, from host, its variables, the item and where it stands.
    """
    known: list[Made] = []
    refused = Refusals()
    for host in hosts_of(groups):
        variables = hostvars[host]
        try:
            items = items_of(host, variables)
        except StackError as error:
            refused.add(error, host)
            continue
        for place, item in items:
            try:
                known += made(host, variables, item, f"{place} of {Refusals.HERE}")
            except StackError as error:
                refused.add(error, host)
    return known, refused.words()


def milliseconds(duration: str) -> int:
    """Length of a duration in Prometheus' form, such as ``1m30s``; 0 when it is none."""
    found = _DURATION.match(duration)
    return sum(int(n or 0) * unit for n, unit in zip(found.groups(), _MILLISECONDS)) if found else 0


def job_name(name: str, where: str) -> str:
    """A job's name, fit for a file and none of the stack's own.

    Raises:
        StackError: it is not.
    """
    if not _JOB.match(name):
        raise refusal(
            where,
            f"the job '{name}' becomes a file" if name else "it has no job",
            "Use letters, digits, '_', '-' and '.'.",
        )
    if name in {component.name for component in COMPONENTS}:
        raise refusal(
            where,
            f"'{name}' is the job of the stack's own service",
            "Give it another job; put single keys of the stack's jobs into prometheus_scrape_configs.",
        )
    return name


def labels_of(given: t.Any, where: str) -> dict[str, str]:
    """A user's labels as text.

    Raises:
        StackError: a name is reserved or malformed, or a value is not a scalar.
    """
    labels = {}
    for name, value in (given or {}).items():
        if name in RESERVED_LABELS or str(name).startswith("__"):
            raise refusal(where, f"the label '{name}' is set by the stack", "Give it another name.")
        if not _LABEL.match(str(name)):
            raise refusal(where, f"'{name}' is not a label name", "Use letters, digits and '_', no digit first.")
        labels[str(name)] = _scalar(value, f"the label '{name}'", where)
    return labels


def _scalar(value: t.Any, what: str, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise refusal(where, f"{what} is not a single value", "Write one text or number.")


def access_of(item: Mapping[str, t.Any], where: str) -> Access:
    """How Prometheus is let in.

    Raises:
        StackError: half of a user and password, or two kinds of credentials.
    """
    access = Access(
        ca=text(item, "ca"),
        username=text(item, "username"),
        password=text(item, "password"),
        bearer_token=text(item, "bearer_token"),
    )
    if bool(access.username) != bool(access.password):
        raise refusal(where, "it has only one of username and password", "Give both.")
    if access.username and access.bearer_token:
        raise refusal(where, "it has both a username and a bearer_token", "Give one of them.")
    return access


def _duration(item: Mapping[str, t.Any], key: str, where: str) -> str:
    value = text(item, key)
    if value and not milliseconds(value):
        raise refusal(where, f"{key} '{value}' is not a duration", "Write it with a unit, such as 30s or 1m.")
    return value


def times_of(item: Mapping[str, t.Any], where: str) -> tuple[str, str]:
    """Interval and timeout of an item, "" where Prometheus' own counts.

    Raises:
        StackError: one is no duration, or the timeout is longer than the interval.
    """
    interval = _duration(item, "interval", where)
    timeout = _duration(item, "timeout", where)
    if interval and not timeout:
        timeout = min(interval, DEFAULT_TIMEOUT, key=milliseconds)
    if interval and milliseconds(timeout) > milliseconds(interval):
        raise refusal(
            where, f"the timeout {timeout} is longer than the interval {interval}", "Prometheus would leave it out."
        )
    return interval, timeout


def port_of(item: Mapping[str, t.Any], where: str) -> int:
    """The port of an item.

    Raises:
        StackError: it is none.
    """
    port = text(item, "port")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise refusal(where, f"the port '{port}' is not 1 to 65535" if port else "it has no port", "Set port.")
    return int(port)


def scheme_of(item: Mapping[str, t.Any], where: str) -> str:
    """The scheme of an item, ``http`` unless given.

    Raises:
        StackError: it is neither ``http`` nor ``https``.
    """
    scheme = text(item, "scheme", "http")
    if scheme not in ("http", "https"):
        raise refusal(where, f"the scheme '{scheme}' is neither http nor https")
    return scheme


def params_of(given: t.Any, where: str) -> dict[str, str]:
    """Parameters of the URL, one value each.

    Raises:
        StackError: a name cannot stand in a label, or there are several values.
    """
    params = {}
    for name, value in (given or {}).items():
        if not _LABEL.match(f"_{name}"):
            raise refusal(
                where, f"the parameter '{name}' cannot become a label", "Put params into prometheus_scrape_configs."
            )
        params[str(name)] = _scalar(value, f"the parameter '{name}'", where)
    return params
