# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How metrics are described: by what a JSON document or a table says, or by the fields of a line."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from obs_exporter.config.values import Buckets, Expression, LabelName, MetricName, Pattern, Text

DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
RESERVED = ("_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum")
Type = Literal["counter", "gauge", "histogram", "info"]


class Strict(BaseModel):
    """No key but those told, no value but of its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Described(Strict):
    """What every metric has. Names end as OpenMetrics wants them."""

    name: MetricName = Field(description="Its name: a counter's ends in _total, an info's in _info.")
    type: Type = "gauge"
    help: str = Field(min_length=1, max_length=1000, description="What it tells, in a sentence.")

    @model_validator(mode="after")
    def _named_by_type(self) -> Described:
        wanted = {"counter": "_total", "info": "_info"}.get(self.type, "")
        if not self.name.endswith(wanted) or self.name == wanted:
            raise ValueError(f"the name of a {self.type} ends in {wanted}: {self.name}{wanted}")
        found = [end for end in RESERVED if end != wanted and self.name.endswith(end)]
        if not wanted and found:
            raise ValueError(f"the name of a {self.type} must not end in {found[0]}")
        return self

    @property
    def family(self) -> str:
        """Its name without what its type adds."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name.removesuffix("_info")


class Exemplar(Strict):
    """What an example of a value is found by."""

    trace_id: Expression = Field(description="JMESPath to the trace id.")
    value: Expression | None = Field(None, description="JMESPath to the example's value; 1 for a counter.")


class Mapped(Described):
    """A metric out of a document: JMESPath to values and labels."""

    each: Expression | None = Field(None, description="JMESPath to a list, or to a mapping: one series for each item.")
    value: Expression | None = Field(None, description="JMESPath to the number. Needed but for an info.")
    labels: dict[LabelName, Expression] = Field({}, description="Label to JMESPath; a text is written as 'text'.")
    values: dict[str, float] = Field({}, description="Numbers for texts, such as {up: 1, down: 0}.")
    scale: float = Field(1.0, description="The number is multiplied by it: 0.001 makes seconds of milliseconds.")
    sum: Expression | None = Field(None, description="For a histogram: JMESPath to the sum of all observations.")
    exemplar: Exemplar | None = None

    @model_validator(mode="after")
    def _complete(self) -> Mapped:
        if self.type == "info":
            if self.value is not None or not self.labels:
                raise ValueError("an info has labels and no value")
        elif self.value is None:
            raise ValueError(f"a {self.type} needs value")
        if self.sum is not None and self.type != "histogram":
            raise ValueError("sum is a histogram's")
        if self.exemplar is not None and self.type != "counter":
            raise ValueError("here an exemplar is a counter's: a document's histogram tells no single value")
        return self


class LineMetric(Described):
    """A metric out of lines. Fields are those of the format, and method, endpoint and status as derived."""

    type: Type = "counter"
    value: str | None = Field(None, description="Field with the number; without, a counter counts lines.")
    labels: dict[LabelName, str] = Field({}, description="Label to the field's name.")
    match: dict[str, Pattern] = Field({}, description="Only lines whose fields match all of these, from the start.")
    buckets: Buckets = Field(DEFAULT_BUCKETS, description="Upper bounds of a histogram.")
    scale: float = Field(1.0, description="The number is multiplied by it.")
    exemplar: str | None = Field(None, description="Field with the trace id.")

    @model_validator(mode="after")
    def _complete(self) -> LineMetric:
        if self.type == "info":
            raise ValueError("an info comes from labels that stay: see app")
        if self.type != "counter" and self.value is None:
            raise ValueError(f"a {self.type} needs value, the name of a field")
        if self.type != "histogram" and "buckets" in self.model_fields_set:
            raise ValueError("buckets are a histogram's")
        if self.type == "gauge" and self.exemplar is not None:
            raise ValueError("a gauge has no exemplars")
        return self


class PathRule(Strict):
    """Paths that are one endpoint."""

    match: Pattern = Field(description="Regular expression for the whole path.")
    endpoint: Text = Field(description="How it is called, such as /users/{id}.")
