# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _routing_times
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError


def test_hours_are_upstreams_with_a_short_form_of_times():
    office = {"weekdays": ["monday:friday"], "times": ["09:00-17:00", {"start_time": "18:00", "end_time": "19:00"}]}
    found = _routing_times.time_intervals({"office": office, "sunday": [{"weekdays": ["sunday"]}, {"months": ["1"]}]})
    times = [{"start_time": "09:00", "end_time": "17:00"}, {"start_time": "18:00", "end_time": "19:00"}]
    assert found == [
        {"name": "office", "time_intervals": [{"weekdays": ["monday:friday"], "times": times}]},
        {"name": "sunday", "time_intervals": [{"weekdays": ["sunday"]}, {"months": ["1"]}]},
    ]


@pytest.mark.parametrize("wrong", [["office"], {"office": []}, {"office": "9-5"}, {"office": {"times": ["9"]}}])
def test_hours_that_cannot_be_are_refused(wrong):
    with pytest.raises(StackError, match="obs_time_intervals"):
        _routing_times.time_intervals(wrong)
