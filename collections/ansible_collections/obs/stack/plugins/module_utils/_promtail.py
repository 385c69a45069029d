# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Promtail's scrape jobs: files and journal in, streams with trace ids out. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import is_list

# -check-syntax passes a stage that Promtail does not know, and it then stops at its start.
_STAGES = (
    "cri decolorize docker drop eventlogmessage geoip json labelallow labeldrop labels limit logfmt match metrics"
    " multiline non_indexed_labels output pack regex replace sampling static_labels structured_metadata template"
    " tenant timestamp"
)
STAGES = frozenset(_STAGES.split())
# Where a key without a value stands for its own name. Written out, since merging drops nulls.
OWN_NAME = {
    "labels": "",
    "structured_metadata": "",
    "non_indexed_labels": "",
    "json": "expressions",
    "logfmt": "mapping",
}
TRACE = ("trace_id", "span_id")
FORMATS = ("plain", "json", "logfmt")


def promtail_jobs(logs: Sequence[t.Any], journal: Mapping[str, t.Any] | None) -> list[dict[str, t.Any]]:
    """One scrape job per log, and one for the journal.

    Args:
        logs: dictionaries with ``name``, ``paths``, and any of ``exclude``, ``format``, ``labels`` and
            ``pipeline_stages``.
        journal: upstream's keys of ``journal``, or None to leave it alone.

    Raises:
        StackError: a log without name or paths, a name that is there twice, or an unknown format.
    """
    jobs = [_log_job(number, item) for number, item in enumerate(logs, 1)]
    names = [str(job["job_name"]) for job in jobs] + (["journal"] if journal is not None else [])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StackError(
            f"Could not use the log '{twice[0]}' of promtail_logs",
            why="the name is there twice",
            hint="Give every log a name of its own; 'journal' is the journal's.",
        )
    return jobs + ([_journal_job(journal)] if journal is not None else [])


def _log_job(number: int, item: t.Any) -> dict[str, t.Any]:
    name = str(item.get("name") or "") if isinstance(item, Mapping) else ""
    paths = (item.get("paths") or []) if name else []
    form = str(item.get("format") or "plain") if name else ""
    if not name:
        why, hint = "it has no name", "Write {name: shop, paths: [/var/log/shop/*.log]}."
    elif not is_list(paths) or not paths or not all(str(path).startswith("/") for path in paths):
        why, hint = "it has no list of absolute paths", "Write paths: [/var/log/shop/*.log]."
    elif form not in FORMATS:
        why, hint = f"format is '{form}'", "It is one of {}.".format(", ".join(FORMATS))
    else:
        why = hint = ""
    if why:
        raise StackError(
            "Could not use {} of promtail_logs".format(f"'{name}'" if name else f"item {number}"), why=why, hint=hint
        )
    labels = dict({"job": name, "service": name}, **(item.get("labels") or {}))
    if item.get("exclude"):
        labels["__path_exclude__"] = str(item["exclude"])
    return {
        "job_name": name,
        "static_configs": [{"targets": ["localhost"], "labels": dict(labels, __path__=str(path))} for path in paths],
        "pipeline_stages": _stages_of(form) + list(item.get("pipeline_stages") or []),
    }


def _stages_of(form: str) -> list[dict[str, t.Any]]:
    """What is read from a structured line: time, level, and the ids that lead to its trace."""
    names = {name: name for name in ("timestamp", "level", *TRACE)}
    if form == "plain":
        return []
    parse = {"json": {"expressions": names}} if form == "json" else {"logfmt": {"mapping": names}}
    return [
        parse,
        {"timestamp": {"source": "timestamp", "format": "RFC3339Nano"}},
        {"labels": {"level": "level"}},
        {"structured_metadata": {name: name for name in TRACE}},
    ]


def _journal_job(journal: Mapping[str, t.Any]) -> dict[str, t.Any]:
    labels = dict({"job": "journal"}, **(journal.get("labels") or {}))

    def take(source: str, target: str, regex: str = "(.+)") -> dict[str, t.Any]:
        return {"source_labels": [source], "regex": regex, "target_label": target}

    return {
        "job_name": "journal",
        "journal": dict({"max_age": "12h"}, **dict(journal, labels=labels)),
        "relabel_configs": [
            take("__journal_syslog_identifier", "service"),
            take("__journal__systemd_unit", "service", r"(.+)\.service"),
            take("__journal__systemd_unit", "unit"),
            *_transient(),
            take("__journal_priority_keyword", "level"),
        ],
        # Lines that are JSON bring their ids along; others pass as they are.
        "pipeline_stages": [
            {"json": {"expressions": {name: name for name in TRACE}}},
            {"structured_metadata": {name: name for name in TRACE}},
        ],
    }


def _transient() -> list[dict[str, t.Any]]:
    """Units of one session or one run have a name of their own each: together they are one stream per program."""
    names = r"(?:run-|session-|user@|user-runtime-dir@).*"
    return [
        {
            "source_labels": ["__journal__systemd_unit", "__journal_syslog_identifier"],
            "regex": f"{names};(.+)",
            "target_label": "service",
        },
        {
            "source_labels": ["__journal__systemd_unit"],
            "regex": names,
            "target_label": "unit",
            "replacement": "transient",
        },
    ]


def promtail_sources(config: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a whole configuration reads, for the hooks: ``positions``, ``files`` and ``journals``."""
    files, journals = [], []
    for job in config.get("scrape_configs") or []:
        for group in job.get("static_configs") or []:
            labels = group.get("labels") or {}
            if labels.get("__path__"):
                files.append({"path": str(labels["__path__"]), "exclude": str(labels.get("__path_exclude__") or "")})
        if job.get("journal") is not None:
            journals.append({"job": str(job.get("job_name") or ""), "path": str(job["journal"].get("path") or "")})
    return {"positions": str(config["positions"]["filename"]), "files": files, "journals": journals}


def promtail_scrape_configs(configs: t.Any) -> list[dict[str, t.Any]]:
    """The user's own scrape configurations, with stages that Promtail knows and keys that stand for their own name.

    Raises:
        StackError: no list of dictionaries, or a stage that Promtail would stop at.
    """
    if not is_list(configs) or not all(isinstance(item, Mapping) for item in configs):
        raise StackError(
            "Could not use promtail_scrape_configs",
            why="it is not a list of dictionaries",
            hint="Write upstream's scrape_configs.",
        )
    return [
        dict(item, pipeline_stages=_explicit(item["pipeline_stages"], str(item.get("job_name") or "")))
        if item.get("pipeline_stages")
        else dict(item)
        for item in configs
    ]


def _explicit(stages: t.Any, job: str) -> list[dict[str, t.Any]]:
    result = []
    for stage in stages if is_list(stages) else [None]:
        if not isinstance(stage, Mapping) or len(stage) != 1 or next(iter(stage)) not in STAGES:
            what = sorted(stage) if isinstance(stage, Mapping) else stage
            raise StackError(
                f"Could not use a pipeline stage of the job '{job}'",
                why=f"{what} is not one stage that Promtail knows",
                hint="Each item has one key, such as json.",
            )
        name, body = next(iter(stage.items()))
        if name == "match" and isinstance(body, Mapping) and body.get("stages"):
            body = dict(body, stages=_explicit(body["stages"], job))
        result.append({name: _named(body, OWN_NAME[name]) if name in OWN_NAME else body})
    return result


def _named(body: t.Any, key: str) -> t.Any:
    if not isinstance(body, Mapping):
        return body
    if key:
        return dict(body, **{key: _named(body[key], "")}) if key in body else body
    return {name: name if value is None else value for name, value in body.items()}
