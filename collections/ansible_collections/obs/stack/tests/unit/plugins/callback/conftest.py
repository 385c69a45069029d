# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What callbacks are tested with."""

from __future__ import annotations

import typing as t

import pytest


class Screen:
    """Stands in for Ansible's display."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.err: list[str] = []

    def display(self, text: str, color: t.Any = None, stderr: bool = False) -> None:
        """Keep a line."""
        (self.err if stderr else self.out).append(text)


@pytest.fixture
def screen() -> Screen:
    return Screen()
