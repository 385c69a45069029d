# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Read SLOs on the controller and make rules of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Callable, NamedTuple

import yaml

from ansible_collections.obs.stack.plugins.module_utils._slo_documents import (
    Given,
    labels_of,
    objective_text,
    read_documents,
)
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import text_of
from ansible_collections.obs.stack.plugins.module_utils._slo_lint import Finding, lint
from ansible_collections.obs.stack.plugins.module_utils._slo_maths import budget_of
from ansible_collections.obs.stack.plugins.module_utils._slo_model import Slo
from ansible_collections.obs.stack.plugins.module_utils._slo_read import Node, refuse
from ansible_collections.obs.stack.plugins.module_utils._slo_rules import files_of
from ansible_collections.obs.stack.plugins.module_utils._slo_settings import SETTINGS, read_settings
from ansible_collections.obs.stack.plugins.module_utils._slo_windows import KIND
from ansible_collections.obs.stack.plugins.plugin_utils._payload import LEFTOVER
from ansible_collections.obs.stack.plugins.plugin_utils._yaml import Loader

SUFFIXES = (".yml", ".yaml")

Documents = Iterator[tuple[str, Any]]


class Made(NamedTuple):
    """What became of the sources.

    Attributes:
        files: rules by file name.
        slos: what the task returns of each.
        findings: what lint says.
        buckets: thresholds to look up.
    """

    files: dict[str, str]
    slos: list[dict[str, Any]]
    findings: list[Finding]
    buckets: list[dict[str, Any]]


def documents_of(options: Mapping[str, Any], find: Callable[[str], str]) -> Documents:
    """Every document a task names, with its place.

    Args:
        options: ``src``, ``slos`` and ``service_windows``.
        find: where a path is on the controller.

    Raises:
        StackError: a path is missing, empty, or no YAML.
    """
    for source in options["src"] or []:
        yield from _read(find(source), source)
    for number, document in enumerate(options["slos"] or [], 1):
        yield f"number {number} of slos", document
    for number, given in enumerate(options["service_windows"] or [], 1):
        if isinstance(given, str):
            for where, document in _read(find(given), given):
                if not isinstance(document, dict) or document.get("kind") != KIND:
                    raise refuse(where, f"it is not of kind {KIND}")
                yield where, document
        else:
            yield f"number {number} of service_windows", {"kind": KIND, **given}


def _read(path: str, label: str) -> Documents:
    if os.path.isfile(path):
        yield from _load(path, os.path.basename(path))
        return
    found = list(_below(path))
    if not found:
        raise refuse(label, "it holds no .yml or .yaml file", "Name the folder that does.")
    for relative in found:
        yield from _load(os.path.join(path, relative), relative)


def _below(top: str) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(one for one in folders if not LEFTOVER.search(one))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not LEFTOVER.search(name):
                yield os.path.relpath(os.path.join(folder, name), top)


def _load(path: str, label: str) -> Documents:
    try:
        text = Path(path).read_text(encoding="utf-8")
        documents = list(yaml.load_all(text, Loader=Loader))
    except UnicodeDecodeError as error:
        raise refuse(label, f"it is not UTF-8: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise refuse(label, error.strerror or str(error)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{label} (line {mark.line + 1}, column {mark.column + 1})" if mark else label
        raise refuse(where, str(getattr(error, "problem", None) or error)) from error
    for number, document in enumerate(documents, 1):
        yield label if len(documents) == 1 else f"{label} (document {number})", document


def make(documents: Iterable[tuple[str, Any]], options: Mapping[str, Any]) -> Made:
    """Rules of documents.

    Raises:
        StackError: a document cannot be used, or lint finds something and ``strict`` is set.
    """
    task = Node({key: options[key] for key in ("period", "scrape_interval", "retention", *SETTINGS)}, "the task")
    scrape_interval = task.duration("scrape_interval")
    given = Given(
        period=task.duration("period"),
        labels=labels_of(options["labels"], "labels of the task"),
        info_labels=labels_of(options["info_labels"], "info_labels of the task"),
        settings=read_settings(task),
        scrape_interval=scrape_interval,
    )
    retention = task.duration("retention") if "retention" in task else 0
    slos = read_documents(documents, given)
    findings = lint(slos, retention=retention, scrape_interval=scrape_interval)
    if findings and options["strict"]:
        raise refuse(
            "the SLOs, as strict is set",
            "; ".join(str(one) for one in findings[:5]) + (f"; and {len(findings) - 5} more" if findings[5:] else ""),
            "Each is explained in docs/slo.md.",
        )
    files = files_of(slos, options["ruleset"], options["links"])
    return Made(files, [told(slo) for slo in slos], findings, list(_buckets(slos)))


def _buckets(slos: Iterable[Slo]) -> Iterator[dict[str, Any]]:
    for slo in slos:
        sli = slo.indicator
        if sli.threshold is not None:
            yield {"metric": sli.metric, "selector": sli.selector, "threshold": sli.threshold, "where": slo.where}


def told(slo: Slo) -> dict[str, Any]:
    """What the task returns of an SLO."""
    return {
        "id": slo.id,
        "service": slo.service,
        "name": slo.name,
        "objective": float(objective_text(slo.objective)),
        "period": slo.period_text,
        "error_budget": slo.settings.error_budget,
        "tiers": [
            {
                "tier": tier.name,
                "long": text_of(tier.long),
                "short": text_of(tier.short),
                "factor": round(float(tier.factor), 6),
                "budget_percent": round(float(tier.budget * 100), 4),
                "threshold": float(tier.factor * budget_of(slo.objective)),
            }
            for tier in slo.catalog.tiers
            if slo.alert_of(tier.severity).enabled
        ],
    }
