# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Indicators: what counts as bad, and of what, as PromQL with a placeholder for the window. Pure."""

from __future__ import annotations

import re
import textwrap
from decimal import Decimal

from ._slo_model import INCREASE, RATE, UNKNOWN, WINDOW, Indicator
from ._slo_read import Node, refuse

KINDS = ("events", "latency", "availability", "raw")
_PLACEHOLDER = re.compile(r"\{\{\s*\.window\s*\}\}|\$window\b")
_TEMPLATED = (
    "Ansible templates {{ }} in arguments and variables: name the file with src, mark the query !unsafe, or write"
    " $window."
)


def read_indicator(node: Node) -> Indicator:
    """The indicator of an SLO.

    Raises:
        StackError: there is none, more than one, or one that cannot be used.
    """
    if "plugin" in node:
        name = Node(node.raw("plugin"), node.at("plugin")).raw("id")
        raise refuse(
            node.where,
            f"it is the Sloth plugin {name!r}, which is a Go program for Sloth",
            "Write its query as events or raw; 'sloth generate' shows it.",
        )
    given = [kind for kind in KINDS if kind in node]
    if len(given) != 1:
        raise refuse(
            node.where, "it is {}".format(" and ".join(given) or "empty"), "Give one of {}.".format(", ".join(KINDS))
        )
    inner = node.node(given[0])
    found = {"events": _events, "latency": _latency, "availability": _availability, "raw": _raw}[given[0]](inner)
    inner.finish()
    node.finish()
    return found


def query(node: Node, key: str) -> str:
    """A query with its window where Sloth has it.

    Raises:
        StackError: it is missing, has no window, or another template in it.
    """
    text = _PLACEHOLDER.sub(WINDOW, textwrap.dedent(node.text(key)).strip())
    if not text:
        raise refuse(node.where, f"{key} is empty")
    if "{{" in text.replace(WINDOW, "") or "{%" in text:
        raise refuse(node.at(key), "it has a template other than {{.window}}", "Write the query out.")
    if WINDOW not in text:
        raise refuse(
            node.at(key), "it does not say where its window goes: [{{.window}}] or [$window] is missing", _TEMPLATED
        )
    return text


def selector(node: Node, key: str = "selector") -> str:
    """Label matchers without braces, "" for none.

    Raises:
        StackError: a brace is left.
    """
    text = node.text(key, "")
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    if WINDOW in text or "{{" in text:
        raise refuse(node.at(key), "a selector has no template in it")
    return text.rstrip(", ")


def unit_of(*queries: str) -> str:
    """Whether queries return events per second or events in the window."""
    functions = r"\b(irate|rate|increase|count_over_time|sum_over_time)\s*\("
    words = {word for one in queries for word in re.findall(functions, one)}
    if words & {"rate", "irate"}:
        return UNKNOWN if words - {"rate", "irate"} else RATE
    return INCREASE if words else UNKNOWN


def _events(node: Node) -> Indicator:
    total = query(node, "total_query")
    if ("error_query" in node) == ("good_query" in node):
        raise refuse(node.where, "not exactly one of error_query and good_query is given")
    if "good_query" in node:
        good = query(node, "good_query")
        if good == total:
            raise refuse(node.where, "good_query and total_query are the same: nothing could ever be bad")
        return Indicator("events", errors_of_good(good, total), total, unit=unit_of(good, total))
    errors = query(node, "error_query")
    if errors == total:
        raise refuse(node.where, "error_query and total_query are the same: every event would be bad")
    return Indicator("events", errors, total, unit=unit_of(errors, total))


def errors_of_good(good: str, total: str) -> str:
    """Bad events where good ones are counted. Without a good series all are bad; two rates may differ by a little."""
    return f"clamp_min(({total}) - (({good}) or 0 * ({total})), 0)"


def _raw(node: Node) -> Indicator:
    return Indicator("raw", ratio=query(node, "error_ratio_query"))


def _latency(node: Node) -> Indicator:
    metric = re.sub(r"_(bucket|count|sum)$", "", node.text("metric"))
    where, native = selector(node), node.flag("native")
    threshold = node.number("threshold")
    if threshold <= 0:
        raise refuse(node.at("threshold"), "it is not above 0", "It is in the unit of the metric, mostly seconds.")
    value = float(threshold)
    if native:
        histogram = "sum(rate({}[{}]))".format(_series(metric, where), WINDOW)
        count = f"histogram_count({histogram})"
        # Without observations the fraction is NaN, and one NaN would poison every sum over the period.
        errors = f"((1 - histogram_fraction(-Inf, {value!r}, {histogram})) * {count}) and {count} > 0"
        return Indicator("latency", errors, count, unit=RATE)
    total = "sum(rate({}[{}]))".format(_series(metric + "_count", where), WINDOW)
    bucket = ",".join(part for part in (where, 'le=~"{}"'.format(bucket_pattern(value))) if part)
    good = "sum(rate({}[{}]))".format(_series(metric + "_bucket", bucket), WINDOW)
    return Indicator(
        "latency", errors_of_good(good, total), total, unit=RATE, metric=metric, selector=where, threshold=value
    )


def _availability(node: Node) -> Indicator:
    series = "{}[{}]".format(_series(node.text("gauge", "probe_success"), selector(node)), WINDOW)
    total = f"sum(count_over_time({series}))"
    return Indicator("availability", f"clamp_min({total} - sum(sum_over_time({series})), 0)", total, unit=INCREASE)


def _series(metric: str, matchers: str) -> str:
    return metric + (f"{{{matchers}}}" if matchers else "")


def bucket_texts(threshold: float) -> list[str]:
    """How ``le`` of a bucket is written: by Prometheus 3 (1.0, 1e+06), and by clients as Prometheus 2 kept it."""
    shortest = repr(threshold)
    plain = shortest[:-2] if shortest.endswith(".0") else shortest
    digits = Decimal(shortest).normalize().as_tuple().digits
    exponent = Decimal(shortest).adjusted()
    go = plain
    if exponent < -4 or exponent >= 6:  # where Go's shortest form has an exponent
        mantissa = "".join(map(str, digits))
        head = mantissa[0] + ("." + mantissa[1:] if len(mantissa) > 1 else "")
        go = "{}e{}{:02d}".format(head, "-" if exponent < 0 else "+", abs(exponent))
    texts = {plain, go}
    return sorted(texts | {text + ".0" for text in texts if "." not in text and "e" not in text})


def bucket_pattern(threshold: float) -> str:
    """A pattern for ``le`` that matches one bucket however it is written, escaped for PromQL."""
    return "|".join(text.replace("+", "[+]").replace(".", "[.]") for text in bucket_texts(threshold))
