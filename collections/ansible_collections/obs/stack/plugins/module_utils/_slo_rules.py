# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Rules files: one for each service, the same bytes for the same SLOs. Pure.

A file holds a few shapes only, and there may be tens of thousands of rules, so the YAML is written directly. Texts are
plain words, literal blocks or JSON strings, all of which are YAML.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping

from ._annotation_links import linked_annotations
from ._slo_alerts import Alerting, burn_alerts, slow_alerts
from ._slo_durations import MINUTE, text_of
from ._slo_model import Slo
from ._slo_recordings import Recording, indicator_rules, meta_rules, period_rules

PERIOD_INTERVAL = 2 * MINUTE
MARKER = "# Written by obs.stack.slo_rules, set "

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
# What YAML does not take as it is, beyond what JSON escapes.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def file_name(service: str, ruleset: str = "") -> str:
    """The rules file of a service."""
    return "slo-{}{}.yml".format(ruleset + "-" if ruleset else "", service)


def header(ruleset: str) -> str:
    """The first line of a file, which says whose it is."""
    return f"{MARKER}{ruleset or 'default'}. Changes are overwritten.\n"


def ruleset_of(first_line: str) -> str | None:
    """The set a file belongs to by its first line; None: it is not ours."""
    match = re.match(re.escape(MARKER) + r"(\S+)\. ", first_line)
    return match.group(1) if match else None


def files_of(slos: Iterable[Slo], ruleset: str = "", links: Mapping[str, str] | None = None) -> dict[str, str]:
    """The rules of SLOs, by file name.

    Args:
        slos: any number.
        ruleset: the set that the files belong to.
        links: addresses for annotations, as :func:`_annotation_links.linked_annotations` takes them.
    """
    services: dict[str, list[Slo]] = {}
    for slo in slos:
        services.setdefault(slo.service, []).append(slo)
    head = header(ruleset)
    return {file_name(name, ruleset): rules_file(services[name], head, links or {}) for name in sorted(services)}


def rules_file(slos: Iterable[Slo], head: str, links: Mapping[str, str]) -> str:
    """One file."""
    parts = [head, "groups:\n"]
    for slo in sorted(slos, key=lambda one: one.name):
        parts += _groups(slo, links)
    return "".join(parts)


def _groups(slo: Slo, links: Mapping[str, str]) -> list[str]:
    own = {**slo.labels, **slo.id_labels}
    interval = text_of(PERIOD_INTERVAL)
    parts = [f"- name: {quoted('sloth-slo-sli-recordings-' + slo.id)}\n  rules:\n"]
    parts += [_recording(rule, own) for rule in indicator_rules(slo)]
    parts.append(f"- name: {quoted('sloth-slo-period-' + slo.id)}\n  interval: {interval}\n  rules:\n")
    parts += [_recording(rule, own) for rule in period_rules(slo)]
    parts += [_alerting(rule, links) for rule in slow_alerts(slo)]
    parts.append(f"- name: {quoted('sloth-slo-meta-recordings-' + slo.id)}\n  rules:\n")
    parts += [_recording(rule, own) for rule in meta_rules(slo)]
    alerts = burn_alerts(slo)
    if alerts:
        parts.append(f"- name: {quoted('sloth-slo-alerts-' + slo.id)}\n  rules:\n")
        parts += [_alerting(rule, links) for rule in alerts]
    return parts


def _recording(rule: Recording, own: Mapping[str, str]) -> str:
    labels = _mapping("labels", {**own, **dict(rule.labels)})
    return f"  - record: {rule.metric}\n    expr: {_block(rule.expr)}{labels}"


def _alerting(rule: Alerting, links: Mapping[str, str]) -> str:
    text = f"  - alert: {quoted(rule.name)}\n    expr: {_block(rule.expr)}"
    if rule.wait:
        text += f"    for: {text_of(rule.wait)}\n"
    if rule.keep:
        text += f"    keep_firing_for: {text_of(rule.keep)}\n"
    annotations = linked_annotations(rule.annotations, rule.name, links)
    return text + _mapping("labels", rule.labels) + _mapping("annotations", annotations)


def _mapping(name: str, values: Mapping[str, str]) -> str:
    lines = "".join([f"      {quoted(key)}: {quoted(values[key])}\n" for key in sorted(values)])
    return f"    {name}:\n{lines}" if lines else ""


def _block(text: str) -> str:
    """An expression: on one line, or as a literal block."""
    if "\n" in text and not text[0].isspace() and text.replace("\n", "").isprintable():
        return "|-\n      " + text.replace("\n", "\n      ").replace("\n      \n", "\n\n") + "\n"
    return quoted(text) + "\n"


@functools.lru_cache(maxsize=8192)
def quoted(text: str) -> str:
    """A text as a YAML scalar that is read as this text by every parser."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(text, ensure_ascii=False))
