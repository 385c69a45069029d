# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters are read before workers are forked: by the process that reads the class of an action."""

from __future__ import annotations

import importlib

import pytest

from ansible_collections.obs.stack.plugins.filter import config
from ansible_collections.obs.stack.plugins.plugin_utils import _preload, _release_action


def test_the_filter_that_is_asked_for_is_one_of_ours() -> None:
    assert _preload.A_FILTER.replace("obs.stack.", "") in config.FilterModule().filters()


def test_filters_are_read_with_the_class_of_the_action(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(_preload.filter_loader, "get", asked.append)
    importlib.reload(_release_action)
    assert asked == [_preload.A_FILTER]


def test_filters_that_cannot_be_read_are_left_to_who_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> None:
        raise KeyError("no such filter")

    monkeypatch.setattr(_preload.filter_loader, "get", refuse)
    _preload.preload_filters()
