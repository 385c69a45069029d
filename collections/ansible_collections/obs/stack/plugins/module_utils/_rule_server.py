# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The Prometheus, or Thanos rule, that evaluates the rules: its checker, its reload with proof, its rules' health."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from ._by_url import endpoint_at
from ._errors import StackError
from ._files import read_json
from ._http import Endpoint, endpoint_of
from ._layout import Layout
from ._metrics import gauge
from ._probe import RELOAD_SECONDS, ReloadMark, reload_verdict
from ._systemd import run, state_of, systemctl

PAUSE = 0.5
# A new rule is unknown until its group comes round.
UNKNOWN_SECONDS = 60
PAGE = 200
CHECK_SECONDS = 300
PROOF = {
    "success": "prometheus_config_last_reload_successful",
    "timestamp": "prometheus_config_last_reload_success_timestamp_seconds",
}


@dataclass(frozen=True)
class Server:
    """Where it is.

    Attributes:
        layout: of a service that release_service has a generation of here, or None.
        unit: its systemd unit, "" when there is none to signal.
        endpoint, prefix: its API, or None.
        reload: signal, http or none.
    """

    layout: Layout | None
    unit: str
    endpoint: Endpoint | None
    prefix: str
    reload: str


def server_of(options: Mapping[str, Any]) -> Server:
    """The server a task means.

    Raises:
        StackError: its address is no URL, or it cannot be told where it is.
    """
    layout = Layout(root=options["root"], name=options["service"])
    number = layout.current_number()
    endpoint, prefix = None, ""
    if options["prometheus_url"]:
        endpoint, prefix = address_of(options)
    elif number is not None:
        folder = layout.generation(number)
        probe = (read_json(os.path.join(folder, "manifest.json")) or {}).get("probe") or {}
        if probe.get("port"):
            endpoint = endpoint_of(probe, os.path.join(folder, "etc"))
            # /-/ready of most, /ready of Loki.
            prefix = str(probe.get("path") or "").partition("/-/")[0].removesuffix("/ready")
    ours = None if number is None else layout
    return Server(ours, options["service"] + ".service", endpoint, prefix, options["reload"])


def address_of(options: Mapping[str, Any]) -> tuple[Endpoint, str]:
    """Endpoint and path prefix of prometheus_url.

    Raises:
        StackError: it is no URL.
    """
    return endpoint_at(
        options["prometheus_url"],
        "prometheus_url",
        "slo-rules",
        ca_path=options["ca_path"],
        username=options["url_username"],
        password=options["url_password"],
        validate_certs=options["validate_certs"],
    )


def checker_of(server: Server, wanted: str, root: str) -> list[str]:
    """The command that checks rules files, whose paths follow; [] when there is none.

    promtool where there is one; Thanos has a checker of its own, which takes each path as ``--rules``.
    """
    if wanted:
        return [wanted, "check", "rules"]
    folders = [server.layout.current] if server.layout else []
    folders.append(Layout(root=root, name="prometheus").current)
    for folder in folders:
        promtool = os.path.join(folder, "release/bin/promtool")
        if os.access(promtool, os.X_OK):
            return [promtool, "check", "rules"]
    found = shutil.which("promtool")
    thanos = os.path.join(server.layout.current, "release/bin/thanos") if server.layout else ""
    if not found and thanos and os.access(thanos, os.X_OK):
        return [thanos, "tools", "rules-check", "--log.level=error", "--rules"]
    return [found, "check", "rules"] if found else []


def check(argv: list[str], paths: Iterable[str], *, folder: str, dest: str) -> None:
    """Have rules files checked together.

    Args:
        argv: the checker.
        paths: files to check.
        folder, dest: where they are, and where they will be, for its words.

    Raises:
        StackError: in the checker's own words.
    """
    if argv[-1] == "--rules":
        argv, paths = argv[:-1], [f"--rules={path}" for path in paths]
    code, out, err = run([*argv, *paths], timeout=CHECK_SECONDS)
    if code == 0:
        return
    said = [line.strip().replace(folder, dest) for line in (out + "\n" + err).splitlines() if line.strip()]
    words = [line for line in said if "SUCCESS" not in line and not line.startswith("Checking ")]
    raise StackError(
        f"Could not write the rules to {dest}",
        why="{} refuses (status {}): {}".format(" ".join(argv), code, " | ".join(words[:6])[:1500] or "no word"),
        hint="Correct the query of that SLO. Nothing was changed: the rules that were there are still loaded.",
        step="check",
        doc="slo-rules",
    )


def why_not_running(server: Server) -> str:
    """Why there is nothing to reload, "" when there is."""
    if server.reload == "none":
        return "reload is none"
    if server.reload == "http":
        return ""
    state = state_of(server.unit)
    if not state.exists:
        return f"{server.unit} is not installed"
    return "" if state.is_active else f"{server.unit} does not run"


def reload(server: Server) -> None:
    """Make it read its rules, and see the proof.

    Raises:
        StackError: it refused, or did not prove it.
    """
    if server.reload == "signal" and server.layout is not None:
        from ._stage import load_generation
        from ._switch import prober_of

        generation = load_generation(server.layout, server.layout.current_number() or 0)
        prober_of(server.layout, generation).reload(generation.reload)
        return
    if server.endpoint is None:
        raise StackError(
            f"Could not prove a reload of {server.unit}",
            why="it is not a service of release_service, and prometheus_url is not given",
            hint="Give prometheus_url, or reload: none.",
            step="reload",
            doc="slo-rules",
        )
    _reload_elsewhere(server)


def _reload_elsewhere(server: Server) -> None:
    """A server that is not a service of ours: act, then wait for its metrics to say that it loaded."""
    name = server.endpoint.url(server.prefix) if server.endpoint else server.unit
    before = _mark(server)
    if server.reload == "http":
        status, body = _ask(server, "POST", "/-/reload")
        if status != 200:
            why = "HTTP {} {}".format(status, body[:300].decode("utf-8", "replace").strip())
            hint = "It answers that only with --web.enable-lifecycle." if status in (403, 404, 405) else ""
            raise StackError(f"Could not reload {name}", why=why, hint=hint, step="reload", doc="slo-rules")
    else:
        complaint = systemctl("reload", server.unit)
        if complaint:
            raise StackError(f"Could not reload {server.unit}", why=complaint, step="reload", doc="slo-rules")
    deadline = time.monotonic() + RELOAD_SECONDS
    while True:
        proven = reload_verdict(before, _mark(server))
        if proven:
            return
        if proven is False:
            raise StackError(f"{name} refused its rules", why="its log says why", step="reload", doc="slo-rules")
        if time.monotonic() >= deadline:
            why = f"no proof within {RELOAD_SECONDS} s"
            raise StackError(f"Could not reload {name}", why=why, step="reload", doc="slo-rules")
        time.sleep(PAUSE)


def _mark(server: Server) -> ReloadMark:
    status, body = _ask(server, "GET", "/metrics")
    text = body.decode("utf-8", "replace") if status == 200 else ""
    return ReloadMark(gauge(text, PROOF["success"]), gauge(text, PROOF["timestamp"]))


def _ask(server: Server, method: str, path: str) -> tuple[int, bytes]:
    if server.endpoint is None:
        return 0, b""
    try:
        return server.endpoint.request(method, server.prefix + path, timeout=60)
    except OSError as error:
        where = server.endpoint.url(server.prefix + path)
        raise StackError(f"Could not ask {where}", why=str(error), step="reload", doc="slo-rules") from error


def answer(server: Server, path: str) -> Any:
    """The data of an answer of its API.

    Raises:
        StackError: it does not answer so.
    """
    status, body = _ask(server, "GET", path)
    try:
        document = json.loads(body)
        if status == 200 and document["status"] == "success":
            return document["data"]
    except (ValueError, KeyError, TypeError):
        document = None
    where = server.endpoint.url(server.prefix + path.partition("?")[0]) if server.endpoint else path
    said = (document or {}).get("error") if isinstance(document, dict) else ""
    why = f"HTTP {status} {said or ''}".strip()
    raise StackError(f"Could not ask {where}", why=why, step="health", doc="slo-rules")


def rule_groups(ask: Callable[[str], Any]) -> Iterator[dict[str, Any]]:
    """All rule groups, page by page; releases without pages give all at once."""
    token = ""
    while True:
        more = "&group_next_token=" + urllib.parse.quote(token) if token else ""
        data = ask(f"/api/v1/rules?exclude_alerts=true&group_limit={PAGE}{more}")
        yield from data.get("groups") or []
        token = data.get("groupNextToken") or ""
        if not token:
            return


def verdict(
    groups: Iterable[Mapping[str, Any]], expected: Mapping[str, Iterable[str]]
) -> tuple[list[str], list[str], list[str]]:
    """What of the expected rules is not well.

    Args:
        groups: as the API gives them.
        expected: names of groups by file name.

    Returns:
        Groups that are missing; rules in error, with their words; groups that have not been evaluated yet.
    """
    missing = {(name, group) for name, names in expected.items() for group in names}
    errors, unknown = [], []
    for group in groups:
        key = (os.path.basename(str(group.get("file"))), str(group.get("name")))
        if key not in missing:
            continue
        missing.discard(key)
        rules = group.get("rules") or []
        errors += [f"{rule.get('name')}: {rule.get('lastError')}" for rule in rules if rule.get("health") == "err"]
        # The others of a group come with it; those that come rarely are not waited for.
        soon = float(group.get("interval") or 0) <= UNKNOWN_SECONDS
        if soon and any(rule.get("health") == "unknown" for rule in rules):
            unknown.append(key[1])
    return sorted(group for _name, group in missing), errors, unknown


def see_healthy(server: Server, expected: Mapping[str, Iterable[str]], *, wait: float) -> list[str]:
    """Wait until the rules are loaded and evaluated without an error.

    Args:
        server: to ask.
        expected: names of groups by file name.
        wait: seconds until rules that are still unknown are let be.

    Returns:
        Warnings.

    Raises:
        StackError: a rule is in error, or not loaded.
    """
    deadline = time.monotonic() + wait
    while True:
        missing, errors, unknown = verdict(rule_groups(lambda path: answer(server, path)), expected)
        if errors:
            raise StackError(
                "Could not evaluate the rules", why=" | ".join(errors[:3])[:1500], step="health", doc="slo-rules"
            )
        if not missing and not unknown:
            return []
        if time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
    if missing:
        raise StackError(
            "Could not find the rules in what is loaded",
            why="{} of the groups are missing, such as {}".format(len(missing), missing[0]),
            hint="Does rule_files of its configuration name the folder?",
            step="health",
            doc="slo-rules",
        )
    return ["{} of the rule groups have not been evaluated yet, such as {}.".format(len(unknown), unknown[0])]
