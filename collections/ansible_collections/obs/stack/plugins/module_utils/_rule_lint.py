# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What promtool has nothing to say against in a rule file, and whoever is paged has. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.obs.stack.plugins.module_utils._alert_overrides import SEVERITIES, comparisons

# One of each; the second form is for rules that carry whole addresses.
ANNOTATIONS = (("summary",), ("description",), ("runbook", "runbook_url"), ("dashboard", "dashboard_url"))
# An id with few values that names what the alert is about.
FEW_VALUES = frozenset({"sloth_id"})

_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`")
_COMMENT = re.compile(r"#[^\n]*")
_AGGREGATION = re.compile(
    r"\b(?:sum|avg|min|max|stddev|stdvar|quantile)\b\s*(?P<first>(?:by|without)\s*\([^()]*\)\s*)?\("
)
_CLAUSE = re.compile(r"\s*(?P<kind>by|without)\s*\((?P<labels>[^()]*)\)")
_BUCKETS = re.compile(r"[a-zA-Z_:][\w:]*_bucket\b(?P<selector>\s*\{[^{}]*\})?")
_LE = re.compile(r"[{,\s]le\s*=")
_WINDOW = re.compile(r"\[\s*\d|\w*:[\w:]*\d+[smhdwy]\b")
_NO_SERIES = re.compile(r"\s*vector\(\s*\d+\s*\)\s*")
_ID = re.compile(r"(^|_)(id|ids|uuid|guid)$|^(trace|span|request|session|user|transaction)id$", re.IGNORECASE)


def is_rules(document: t.Any) -> bool:
    """Whether a parsed file looks like one of rules."""
    groups = document.get("groups") if isinstance(document, Mapping) else None
    return (
        isinstance(groups, list) and all(isinstance(one, Mapping) and "rules" in one for one in groups) and bool(groups)
    )


def findings(document: t.Any) -> list[str]:
    """What is wrong with a rule file, as ``group / rule: what``; empty where nothing is.

    Args:
        document: the file, parsed. What is no valid rule file is promtool's to refuse.
    """
    if not is_rules(document):
        return ["it has no groups of rules"]
    return [
        "{} / {}: {}".format(group.get("name"), rule.get("alert") or rule.get("record"), found)
        for group in document["groups"]
        for rule in group["rules"] or []
        for found in _of_rule(rule)
    ]


def _of_rule(rule: Mapping[str, t.Any]) -> Iterator[str]:
    text = bare(str(rule.get("expr") or ""))
    yield from lost_le(text)
    labels = rule.get("labels") or {}
    for label in sorted(set(labels) | kept_labels(text)):
        if _ID.search(label) and label not in FEW_VALUES:
            yield f"the label {label} is an id: each value makes a series or an alert of its own"
    if "alert" not in rule:
        return
    for label, value in sorted(labels.items()):
        if re.search(r"\$value|\.Value", str(value)):
            yield f"the label {label} holds the value: with each evaluation it is another alert"
    if not _waits(rule) and not _WINDOW.search(text) and not _NO_SERIES.fullmatch(text):
        yield "neither a for nor a window: one sample makes it fire"
    if labels.get("severity") not in SEVERITIES:
        yield "severity is none of {}".format(", ".join(SEVERITIES))
    yield from _of_annotations(rule)


def _of_annotations(rule: Mapping[str, t.Any]) -> Iterator[str]:
    annotations = rule.get("annotations") or {}
    for names in ANNOTATIONS:
        if not any(str(annotations.get(name) or "").strip() for name in names):
            yield "no annotation {}".format(" or ".join(names))
    threshold = annotations.get("threshold")
    if threshold is not None and not comparisons(str(threshold)).search(str(rule.get("expr"))):
        yield f"its expression compares with no {threshold}, which the annotation threshold names"


def _waits(rule: Mapping[str, t.Any]) -> bool:
    return str(rule.get("for") or "0") not in ("0", "0s", "0m", "0h")


def bare(expression: str) -> str:
    """An expression with empty texts and no comments, so that parentheses and names are what they look like."""
    return _COMMENT.sub("", _TEXT.sub('""', expression))


def lost_le(expression: str) -> Iterator[str]:
    """Sums over a classic histogram's buckets that no quantile can be made of.

    Args:
        expression: as :func:`bare` gives it.
    """
    for match in _AGGREGATION.finditer(expression):
        end = _closing(expression, match.end() - 1)
        operand = expression[match.end() : end]
        clause = _CLAUSE.match(match["first"] or "") or _CLAUSE.match(expression, end + 1)
        chosen = [one for one in _BUCKETS.finditer(operand) if not _LE.search(one["selector"] or "")]
        if chosen and not _keeps(clause, "le"):
            yield "a sum over {} loses le: write sum by (…, le)".format(chosen[0].group(0).partition("{")[0].strip())


def _keeps(clause: re.Match[str] | None, label: str) -> bool:
    return clause is not None and (label in _labels(clause)) == (clause["kind"] == "by")


def _labels(clause: re.Match[str]) -> set[str]:
    return {one.strip() for one in clause["labels"].split(",") if one.strip()}


def kept_labels(expression: str) -> set[str]:
    """Labels that aggregations keep by name.

    Args:
        expression: as :func:`bare` gives it.
    """
    found: set[str] = set()
    for clause in re.finditer(r"\b(?P<kind>by)\s*\((?P<labels>[^()]*)\)", expression):
        found |= _labels(clause)
    return found


def _closing(text: str, opening: int) -> int:
    """Where the parenthesis at a place is closed; the end where it is not."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)
