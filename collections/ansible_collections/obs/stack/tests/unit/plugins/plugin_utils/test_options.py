# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a task are checked alike, whoever reads them."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._options import checked_options

SPEC = {"name": {"type": "str", "required": True}, "count": {"type": "int", "default": 3}, "more": {"type": "str"}}


def test_defaults_and_types_are_filled_in() -> None:
    assert checked_options(SPEC, {"name": "x", "count": "4"}, module="m") == {"name": "x", "count": 4, "more": None}
    assert checked_options(SPEC, {"name": "x"}, module="m")["count"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "missing required arguments: name"),
        ({"name": "x", "colour": 1}, "colour"),
        ({"name": "x", "count": "many"}, "count"),
    ],
)
def test_what_does_not_fit_is_refused_with_where_to_look(arguments: dict, said: str) -> None:
    with pytest.raises(StackError, match=said) as refused:
        checked_options(SPEC, arguments, module="m", thing="shop")
    assert "Could not use the options of shop" in str(refused.value)
    assert "ansible-doc obs.stack.m" in str(refused.value)
    assert refused.value.step == "input"


def test_conditions_count_and_the_module_is_named_without_a_thing() -> None:
    with pytest.raises(StackError, match="Could not use the options of m: name is x but"):
        checked_options(SPEC, {"name": "x"}, module="m", required_if=[("name", "x", ("more",))])
