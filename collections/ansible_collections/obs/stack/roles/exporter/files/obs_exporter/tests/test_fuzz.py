# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever comes in: no crash, no hang, and never more than is allowed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obs_exporter.config import Config, ConfigError, parse
from obs_exporter.config.logs import Log
from obs_exporter.errors import CollectError
from obs_exporter.kinds.command import take_text
from obs_exporter.log.count import Counting
from obs_exporter.mapping import map_document
from obs_exporter.render import text
from obs_exporter.samples import Builder
from obs_exporter.web.config import parse as parse_web

# No database: it would be left in the tree.
QUICK = settings(database=None, max_examples=150, deadline=2000, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=30,
)
GOOD = """modules:
  a:
    kind: http_json
    url: http://x/
    metrics: [{name: m, help: M., each: items, value: v, labels: {l: k}}]
  b:
    kind: log
    paths: [/x]
"""


@QUICK
@given(
    st.text(max_size=300)
    | st.tuples(st.integers(0, len(GOOD)), st.integers(0, 20), st.text(max_size=8)).map(
        lambda cut: GOOD[: cut[0]] + cut[2] + GOOD[cut[0] + cut[1] :]
    )
)
def test_config_is_taken_or_refused_with_lines(source: str) -> None:
    for read in (parse, lambda content: parse_web(content, "web")):
        try:
            read(source)
        except ConfigError as error:
            assert error.problems and str(error)


@QUICK
@given(JSON)
def test_config_of_any_shape(document: Any) -> None:
    for shape in (document, {"modules": {"a": document}}, {"modules": {"a": {"kind": "sql", "queries": document}}}):
        try:
            assert isinstance(parse(json.dumps(shape)), Config)
        except ConfigError as error:
            assert error.problems


METRICS = parse("""modules:
  a:
    kind: http_json
    url: http://x/
    max_series: 50
    metrics:
      - {name: g, help: G., each: '@', value: value, labels: {l: key}, values: {up: 1}}
      - {name: g2, help: G., value: 'length(@)'}
      - {name: c_total, type: counter, help: C., each: '[]', value: '@', exemplar: {trace_id: '@', value: '@'}}
      - {name: h, type: histogram, help: H., value: '@', sum: s, labels: {l: keys(@)}}
      - {name: i_info, type: info, help: I., labels: {a: a, b: 'sort(@)', c: 'to_number(a)'}}
""").modules["a"]


@QUICK
@given(JSON | st.dictionaries(st.sampled_from(["0.1", "1", "+Inf", "NaN", "x"]), st.integers(-2, 9)))
def test_mapping_of_any_document(document: Any) -> None:
    builder = Builder({"site": "x"}, 50)
    map_document(METRICS.metrics, document, builder)  # type: ignore[union-attr]
    found = builder.result()
    assert found.series <= 50
    assert sum(len(family.samples) for family in found.families) == found.series
    for as_openmetrics in (False, True):
        text(found.families, as_openmetrics).decode("utf-8")


def counting(more: str) -> Counting:
    module = parse(f"modules:\n  l:\n    kind: log\n    paths: [/x]\n    max_series: 60\n{more}").modules["l"]
    assert isinstance(module, Log)
    return Counting(module)


FORMATS = [
    "    format: nginx_json\n",
    "    format: combined\n",
    "    format: json\n    metrics:\n      - {name: a_total, help: A., labels: {l: path}, value: status}\n"
    "      - {name: b, type: gauge, help: B., value: request_time}\n",
]
LINE = (
    st.text(max_size=60)
    | JSON.map(json.dumps)
    | st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("method", "path", "status", "request_time", "trace_id"), JSON)
    ).map(json.dumps)
)


@QUICK
@given(st.lists(LINE.map(lambda line: line.encode("utf-8", "replace")) | st.binary(max_size=60), max_size=30))
def test_lines_of_any_kind(lines: list[bytes]) -> None:
    chunk = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    if not chunk:
        return
    for form in FORMATS:
        one = counting(form)
        one.feed(chunk)
        assert sum(one.lines.values()) == len(lines)
        again = counting(form)
        again.restore(json.loads(json.dumps(one.state())))
        builders = [Builder({}, 1000), Builder({}, 1000)]
        one.collect(builders[0])
        again.collect(builders[1])
        plain = [text(builder.result().families, False) for builder in builders]
        assert plain[0] == plain[1]
        assert builders[0].result().series <= 60
        text(builders[0].result().families, True)


@QUICK
@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(
            ["# TYPE a counter\n", "a_total 1\n", 'a{b="c"} 2\n', "# EOF\n", "a{", "# HELP a x\n", "a NaN 1e99\n"]
        )
    ).map("".join)
)
def test_a_programs_output(output: str) -> None:
    builder = Builder({}, 20)
    try:
        take_text(output, builder)
    except CollectError as error:
        assert error.reason == "malformed"
    text(builder.result().families, False)
