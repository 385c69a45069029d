# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal is asked in journalctl's own words."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._journal import journal_command

START = ["journalctl", "--unit=loki", "--no-pager", "--quiet", "--output=short-iso"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["--lines=100"]),
        ({"lines": "5"}, ["--lines=5"]),
        ({"since": "15m"}, ["--since=-15min"]),
        ({"since": "2 h"}, ["--since=-2h"]),
        ({"since": "yesterday"}, ["--since=yesterday"]),
        ({"since": "2026-11-22 09:00", "lines": "5"}, ["--since=2026-11-22 09:00", "--lines=5"]),
        ({"follow": True}, ["--lines=100", "--follow"]),
        ({"follow": True, "since": "1d"}, ["--since=-1d", "--follow", "--no-tail"]),
    ],
)
def test_command(options: dict[str, str], expected: list[str]) -> None:
    assert journal_command("loki", **options) == [*START, *expected]  # type: ignore[arg-type]


def test_lines_that_are_no_number_are_refused() -> None:
    with pytest.raises(StackError, match="'many', which is no number"):
        journal_command("loki", lines="many")
