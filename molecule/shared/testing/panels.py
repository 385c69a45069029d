"""The queries of every dashboard that ships, asked of a host; and the table of those that need not answer.

Shipped ones return data under load, or stand in silent_queries.yml of the scenario `stack` with a reason.
"""

from __future__ import annotations

import functools
import sys
import time
from typing import Any

import yaml
from asking import ask
from lab import PROJECT

sys.path.insert(0, str(PROJECT))
from scripts.dashboards import queries

ROLE = PROJECT / "collections" / "ansible_collections" / "obs" / "stack" / "roles" / "grafana"
BOARDS = queries.load(ROLE / "files" / "dashboards")
SILENT = yaml.safe_load((PROJECT / "molecule" / "stack" / "tests" / "silent_queries.yml").read_text())
BASES = {
    "prometheus": ("http://127.0.0.1:9090", "http://127.0.0.1:10904"),
    "loki": ("http://127.0.0.1:3100",),
}
# Where only one value can be chosen there is no "all".
CHOSEN = {"obs-slo-detail": {"service": "demo", "slo": "requests-answered"}}
OBJECTIVES = "obs-slo-"


@functools.cache
def questions() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Where a query stands, and how it is asked, once for each that can answer it."""
    found = []
    for board in BOARDS:
        values = {**queries.values(board), **CHOSEN.get(board["uid"], {})}
        for one in queries.queries(board):
            text = queries.expand(one.text, values)
            for base in BASES.get(one.kind, ()):
                found.append((one.where, {"base": base, "kind": one.kind, "text": text, "instant": one.instant}))
    return tuple(found)


def listed(kind: str) -> set[str]:
    """Queries of one half of the table."""
    return {one for entry in SILENT[kind] for one in entry["queries"]}


def not_judged(lab: dict[str, Any]) -> set[str]:
    """Queries that only a stand-in does not answer, where the real one runs."""
    origins = {name: component["origin"] for name, component in lab.get("obs_lab_components", {}).items()}
    stood_in = [entry for entry in SILENT["silent"] if "stand_in" in entry]
    return {one for entry in stood_in if origins.get(entry["stand_in"]) != "stand-in" for one in entry["queries"]}


def asked(host: Any, wanted: set[str]) -> dict[tuple[str, str], Any]:
    """(query, base) -> what came of it."""
    chosen = [(where, question) for where, question in questions() if where in wanted]
    answers = ask(host, [question for _where, question in chosen])
    return {(where, question["base"]): answer for (where, question), answer in zip(chosen, answers)}


def problems(host: Any, wanted: set[str], seconds: float) -> dict[str, list[str]]:
    """What is wrong with some queries, by what it is; {} when nothing is.

    Args:
        wanted: where the queries stand; those listed as `sometimes` may be with or without data.
        seconds: how long a query may take to have data.
    """
    silent, sometimes = listed("silent"), listed("sometimes")
    begun = time.monotonic()
    found = asked(host, wanted)
    refused = [f"{where} at {base}: {told}" for (where, base), told in found.items() if isinstance(told, str)]
    spoke = sorted({where for (where, _base), answer in found.items() if answer and where in silent})
    empty = {key for key, answer in found.items() if not answer and key[0] not in silent | sometimes}
    # What is refused, or speaks, stays so: no need to wait for the others.
    while empty and not refused and not spoke and time.monotonic() - begun < seconds:
        time.sleep(3)
        again = asked(host, {where for where, _base in empty})
        empty = {key for key, answer in again.items() if not answer}
    wrong = {
        "refused": sorted(refused),
        "listed in silent_queries.yml, and they return data now": spoke,
        "no data": sorted(f"{where} at {base}" for where, base in empty),
    }
    return {what: which for what, which in wrong.items() if which}
