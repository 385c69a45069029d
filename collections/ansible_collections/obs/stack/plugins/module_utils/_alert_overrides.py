# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Alert rules that ship, adjusted to an estate: switched off, slower, of another severity or threshold. Pure."""

from __future__ import annotations

import copy
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._names import did_you_mean
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import seconds_of

SEVERITIES = ("page", "ticket", "info")
KEYS = ("enabled", "for", "severity", "threshold")

Document = t.Mapping[str, t.Any]
Rule = t.Mapping[str, t.Any]


def alerts_of(documents: Iterable[Document]) -> dict[str, Rule]:
    """Every alert of rule files, by its name."""
    return {str(rule["alert"]): rule for document in documents for rule in _rules(document) if "alert" in rule}


def _rules(document: Document) -> Iterator[Rule]:
    for group in document.get("groups") or []:
        yield from group.get("rules") or []


def check_overrides(overrides: t.Any, shipped: Mapping[str, Rule]) -> None:
    """Refuse what cannot be done to alerts.

    Args:
        overrides: name of an alert to some of ``KEYS``.
        shipped: every alert that ships, by its name.

    Raises:
        StackError: an alert or key that is not there, a value that is none, a threshold where there is nothing to set.
    """
    if not isinstance(overrides, Mapping):
        raise _refuse(
            "the overrides of alerts", f"{overrides!r} is not a dictionary", "Write {TargetDown: {for: 10m}}."
        )
    for name, changes in overrides.items():
        if name not in shipped:
            hint = "Names are listed in docs/alerts.md. Rules of your own are changed where they stand."
            raise _refuse(f"the override of {name}", "no alert of this name ships" + did_you_mean(name, shipped), hint)
        if not isinstance(changes, Mapping):
            raise _refuse(f"the override of {name}", f"{changes!r} is not a dictionary", "Write {for: 10m}.")
        for key, value in changes.items():
            if key not in KEYS:
                hint = "It takes {}.".format(", ".join(KEYS))
                raise _refuse(f"the override of {name}", f"'{key}' is not known" + did_you_mean(key, KEYS), hint)
            why = _wrong(key, value, shipped[name])
            if why:
                raise _refuse(f"{key} of the override of {name}", why, "Correct it in the inventory.")


def _wrong(key: str, value: t.Any, rule: Rule) -> str:
    """What is wrong with the value of a key, or "" where nothing is."""
    if key == "enabled" and not isinstance(value, bool):
        return f"{value!r} is neither true nor false"
    if key == "severity" and value not in SEVERITIES:
        return "{!r} is none of {}".format(value, ", ".join(SEVERITIES))
    if key == "for" and str(value) not in ("0s", "0m", "0"):
        try:
            seconds_of(value)
        except ValueError as error:
            return str(error)
    if key == "threshold":
        if _threshold_of(rule) is None:
            return "the alert compares with nothing that could be set"
        if isinstance(value, bool) or not _is_number(value):
            return f"{value!r} is not a number"
    return ""


def overridden(document: Document, overrides: Mapping[str, Mapping[str, t.Any]]) -> dict[str, t.Any] | None:
    """A rule file with its alerts adjusted; the one that is given stays as it is.

    Args:
        document: a rule file, parsed.
        overrides: as :func:`check_overrides` has let them pass.

    Returns:
        The adjusted file, or None where no rule is left in it.
    """
    changed = copy.deepcopy(dict(document))
    for group in changed["groups"]:
        group["rules"] = [
            _patched(rule, overrides.get(str(rule.get("alert"))) or {})
            for rule in group["rules"]
            if (overrides.get(str(rule.get("alert"))) or {}).get("enabled", True)
        ]
    changed["groups"] = [group for group in changed["groups"] if group["rules"]]
    return changed if changed["groups"] else None


def _patched(rule: dict[str, t.Any], changes: Mapping[str, t.Any]) -> dict[str, t.Any]:
    if "for" in changes:
        rule["for"] = "0s" if str(changes["for"]) == "0" else str(changes["for"])
    if "severity" in changes:
        rule["labels"] = {**(rule.get("labels") or {}), "severity": str(changes["severity"])}
    if "threshold" in changes:
        old, new = str(_threshold_of(rule)), _number(changes["threshold"])
        rule["expr"] = comparisons(old).sub(lambda match: match["sign"] + new, str(rule["expr"]))
        rule["annotations"] = {**rule["annotations"], "threshold": new}
    return rule


def comparisons(threshold: str) -> re.Pattern[str]:
    """Where an expression compares with a threshold, with either sign."""
    return re.compile(r"(?P<sign>(?:[<>]=?|[!=]=)\s+-?){}(?![\w.])".format(re.escape(threshold)))


def _threshold_of(rule: Rule) -> str | None:
    threshold = (rule.get("annotations") or {}).get("threshold")
    return None if threshold is None else str(threshold)


def _is_number(value: t.Any) -> bool:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return 0 <= number < float("inf")


def _number(value: t.Any) -> str:
    number = float(value)
    return str(int(number)) if number == int(number) else repr(number)


def _refuse(what: str, why: str, hint: str) -> StackError:
    return StackError(f"Could not use {what}", why=why, hint=hint, step="input", doc="input")
