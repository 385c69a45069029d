# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single values out of the text format."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._metrics import gauge, labelled, total

METRICS = """# TYPE x_ok gauge
x_ok 1
x_okay 7
x_time 1.7e+09
x_labelled{a="b"} 3
x_braces{} 4
x_bad nonsense
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [("x_ok", 1.0), ("x_time", 1.7e9), ("x_labelled", None), ("x_braces", 4.0), ("x_bad", None), ("x_missing", None)],
)
def test_gauge(name: str, value: Any) -> None:
    assert gauge(METRICS, name) == value


def test_total_sums_all_series() -> None:
    assert total('x{a="1"} 2\nx{a="2"} 3.5\nxy 9\n', "x") == 5.5
    assert total(METRICS, "x_missing") is None


def test_labelled_sums_what_has_these_labels() -> None:
    text = 'm{name="a",state="ACTIVE"} 2\nm{name="a",state="LEFT"} 1\nm{name="b",state="ACTIVE"} 5\nmore{name="a"} 9\n'
    assert labelled(text, 'm{name="a",state="ACTIVE"}') == 2
    assert labelled(text, 'm{state="ACTIVE"}') == 7
    assert labelled(text, "m") == 8
    assert labelled(text, 'm{name="c"}') is None
    with pytest.raises(ValueError, match="not name"):
        labelled(text, "m{")
