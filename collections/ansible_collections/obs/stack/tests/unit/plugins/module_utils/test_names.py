# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that somebody mistyped."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils._names import did_you_mean


@pytest.mark.parametrize(
    ("name", "told"), [("retnetion", " (did you mean retention?)"), ("colour", ""), (3, ""), ("", "")]
)
def test_the_nearest_name_is_told_where_one_is_near(name: object, told: str) -> None:
    assert did_you_mean(name, ["retention", "interval"]) == told
