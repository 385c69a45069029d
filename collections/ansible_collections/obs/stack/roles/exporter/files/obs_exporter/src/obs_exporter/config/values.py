# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single values of the configuration: durations, sizes, names, expressions."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_SECONDS = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_SIZE = re.compile(r"(\d+)\s*([KMG]i?)?B?")
_FACTOR = {None: 1, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def seconds(value: Any) -> float:
    """`1m30s`, `500ms` or a number of seconds, as seconds.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if 0 <= value < 10**10:
            return float(value)
    elif isinstance(value, str) and value:
        found = _DURATION.fullmatch(value)
        if found and any(found.groups()) and len(value) < 40:
            return sum(float(part) * unit for part, unit in zip(found.groups(), _SECONDS) if part)
    raise ValueError("want a duration such as 10s, 1m30s or 500ms")


def size(value: Any) -> int:
    """`10MB`, `64KiB` or a number of bytes, as bytes.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) and len(value) < 30 else None
    if not found or int(found[1]) == 0:
        raise ValueError("want a size such as 10MB, 64KiB or a number of bytes")
    return int(found[1]) * _FACTOR[found[2]]


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except (JMESPathError, RecursionError, ValueError) as error:
        raise ValueError(f"no JMESPath: {str(error).splitlines()[0]}") from None
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from None
    return text


def _metric_name(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", text):
        raise ValueError("want a metric name: letters, digits, _ and :")
    return text


def _label_name(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", text) or text.startswith("__"):
        raise ValueError("want a label name: letters, digits and _, not starting with __")
    if text in ("le", "quantile"):
        raise ValueError(f"{text} is what histograms and summaries are made of")
    return text


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("want a string")
    return str(value)


def _buckets(bounds: list[float]) -> list[float]:
    if not bounds or any(not low < high for low, high in zip(bounds, bounds[1:])):
        raise ValueError("want bounds in rising order")
    if bounds[-1] == float("inf"):
        bounds = bounds[:-1]
    if not bounds or len(bounds) > 100 or not all(map(math.isfinite, bounds)):
        raise ValueError("want 1 to 100 finite bounds")
    return bounds


_DURATION_SCHEMA = {"anyOf": [{"type": "string", "examples": ["10s", "1m30s"]}, {"type": "number", "minimum": 0}]}
_SIZE_SCHEMA = {"anyOf": [{"type": "string", "examples": ["10MB", "64KiB"]}, {"type": "integer", "minimum": 1}]}

Duration = Annotated[float, BeforeValidator(seconds), WithJsonSchema(_DURATION_SCHEMA)]
Size = Annotated[int, BeforeValidator(size), WithJsonSchema(_SIZE_SCHEMA)]
Expression = Annotated[str, AfterValidator(_expression)]
Pattern = Annotated[str, AfterValidator(_pattern)]
MetricName = Annotated[str, AfterValidator(_metric_name)]
LabelName = Annotated[str, AfterValidator(_label_name)]
Text = Annotated[str, BeforeValidator(_text)]
Buckets = Annotated[list[float], AfterValidator(_buckets)]
