# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _otelcol_logs as logs
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

SHOP = {"name": "shop", "include": ["/var/log/shop/*.log"]}


def test_files_are_read_from_the_beginning_with_positions_on_disk():
    found = logs.otelcol_log_sources([SHOP], journal=None)
    receiver = found["receivers"]["file_log/shop"]
    assert found["names"] == ["file_log/shop"]
    assert receiver["storage"] == "file_storage" and receiver["start_at"] == "beginning"
    assert receiver["resource"] == {"service.name": "shop"}
    assert receiver["operators"][0]["type"] == "json_parser"
    assert receiver["operators"][-1] == {
        "type": "remove",
        "if": "attributes.parsed != nil",
        "field": "attributes.parsed",
    }


def test_an_item_says_service_attributes_and_upstreams_keys():
    item = dict(
        SHOP,
        service="web",
        json=False,
        exclude=["*.gz"],
        attributes={"team": "a"},
        operators=[{"type": "noop"}],
        options={"start_at": "end"},
    )
    receiver = logs.otelcol_log_sources([item], journal=None)["receivers"]["file_log/shop"]
    assert receiver["resource"] == {"service.name": "web", "team": "a"}
    assert receiver["operators"] == [{"type": "noop"}]
    assert receiver["start_at"] == "end" and receiver["exclude"] == ["*.gz"]


def test_kept_keys_become_metadata_once_the_line_is_parsed():
    moved = [operator for operator in logs.json_operators(["path"]) if operator.get("to") == 'attributes["path"]']
    assert len(moved) == 1 and 'attributes.parsed?.["path"] != nil' in moved[0]["if"]


def test_journal_is_a_source_unless_it_is_none():
    found = logs.otelcol_log_sources([], journal={"units": ["shop.service"]}, keep=["path"])
    receiver = found["receivers"]["journald"]
    assert receiver["units"] == ["shop.service"] and receiver["storage"] == "file_storage"
    assert receiver["operators"][0]["field"] == 'resource["service.name"]'
    assert logs.otelcol_log_sources([], journal=None) == {"receivers": {}, "names": []}


@pytest.mark.parametrize(
    "files",
    [
        [{"include": ["/x"]}],
        [{"name": "a/b", "include": ["/x"]}],
        [{"name": "a"}],
        [{"name": "a", "include": "/x"}],
        [dict(SHOP, path="/x")],
        [SHOP, SHOP],
    ],
)
def test_bad_items_are_refused(files):
    with pytest.raises(StackError, match="otelcol_log_files"):
        logs.otelcol_log_sources(files, journal=None)


@pytest.mark.parametrize("percentage,digits", [(0, "0000"), (10, "1999"), (50, "8000"), (99.999, "ffff"), (100, "g")])
def test_share(percentage, digits):
    assert logs.share(percentage, "x") == digits


@pytest.mark.parametrize("percentage", [-1, 100.1, "some", None])
def test_share_of_something_else_is_refused(percentage):
    with pytest.raises(StackError):
        logs.share(percentage, "x")


def test_share_keeps_as_many_as_it_says():
    kept = sum(format(number, "04x") < logs.share(10, "x") for number in range(65536))
    assert abs(kept / 65536 - 0.1) < 0.001
    assert all(format(number, "04x") < logs.share(100, "x") for number in (0, 65535))


def test_kept_trace_asks_the_end_of_the_id():
    assert logs.kept_trace(50) == 'Substring(trace_id.string, 28, 4) < "8000"'


def test_log_sampling_has_a_filter_per_service_that_spares_warnings_and_kept_traces():
    found = logs.otelcol_log_sampling({"shop": 5, "api": 50}, trace_percentage=10)
    assert found["names"] == ["filter/log_sampling_api", "filter/log_sampling_shop"]
    traced, others = found["processors"]["filter/log_sampling_shop"]["logs"]["log_record"]
    assert traced.endswith('>= "1999"') and others.endswith('>= "0ccc"')
    for condition in (traced, others):
        assert '== "shop"' in condition and "severity_number < SEVERITY_NUMBER_WARN" in condition
    assert found["processors"]["filter/log_sampling_api"]["logs"]["log_record"][0].endswith('>= "8000"')


def test_log_sampling_off_adds_nothing():
    assert logs.otelcol_log_sampling({}) == {"processors": {}, "names": []}


@pytest.mark.parametrize("rates,traces", [({"shop": 101}, 0), ({'a"b': 1}, 0), ({}, 101)])
def test_bad_rates_are_refused(rates, traces):
    with pytest.raises(StackError):
        logs.otelcol_log_sampling(rates, trace_percentage=traces)
