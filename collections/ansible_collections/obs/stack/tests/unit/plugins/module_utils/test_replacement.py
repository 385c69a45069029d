# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a service goes whose place another one takes: in order, and only once it has passed on what it has."""

from __future__ import annotations

import contextlib
import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _replacement as replacement
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._layout import still_there


class Host:
    """A host with one service to be replaced. said: all that was done, in order."""

    def __init__(self, active: bool, enabled: bool, refuses: str = "") -> None:
        self.said: list[str] = []
        self.state = SimpleNamespace(is_active=active, is_enabled=enabled)
        self.refuses = refuses

    def hook(self, _layout: t.Any, _generation: t.Any, which: str, _argv: t.Any, environment: t.Any) -> None:
        self.said.append(which)
        assert environment == {"OBS_REPLACED_BY": "new"}
        if which == self.refuses:
            raise StackError("a hook failed", why="nobody takes them")


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Host]:
    def make(**given: t.Any) -> Host:
        host = Host(**given)
        data = {"hand_over": ["a"], "finish": ["b"]}
        monkeypatch.setattr(replacement, "state_of", lambda unit: host.state)
        monkeypatch.setattr(replacement, "systemctl", lambda verb, unit: host.said.append(f"{verb} {unit}"))
        monkeypatch.setattr(replacement, "is_ours", lambda path: True)
        monkeypatch.setattr(replacement, "run_hook", host.hook)
        monkeypatch.setattr(replacement, "locked", lambda *args, **kwargs: contextlib.nullcontext())
        monkeypatch.setattr(replacement, "_current", lambda layout: SimpleNamespace(manifest={"data": data}))
        monkeypatch.setattr(
            replacement, "remove_service", lambda wish, *args, **kwargs: host.said.append(f"remove {wish.name}")
        )
        return host

    return make


def replace() -> None:
    replacement.replace("/opt/obs", "old", by="new", patience=1)


def test_it_passes_on_what_it_has_before_it_is_stopped_and_what_it_kept_after(on: t.Any) -> None:
    host = on(active=True, enabled=True)
    replace()
    assert host.said == ["hand_over", "disable old.service", "stop old.service", "finish", "remove old"]


def test_one_that_was_stopped_here_goes_on_from_there(on: t.Any) -> None:
    host = on(active=False, enabled=False)
    replace()
    assert host.said == ["disable old.service", "stop old.service", "finish", "remove old"]


@pytest.mark.parametrize(("refuses", "done"), [("hand_over", 1), ("finish", 4)])
def test_it_stays_while_it_cannot_pass_on(on: t.Any, refuses: str, done: int) -> None:
    host = on(active=True, enabled=True, refuses=refuses)
    with pytest.raises(StackError) as caught:
        replace()
    assert str(caught.value).startswith("Could not replace old by new: nobody takes them.")
    assert len(host.said) == done and "remove old" not in host.said


def test_one_that_died_is_not_taken_for_one_that_has_passed_on(on: t.Any) -> None:
    host = on(active=False, enabled=True)
    with pytest.raises(StackError, match="does not run"):
        replace()
    assert host.said == []


@pytest.mark.parametrize(
    ("active", "enabled", "begins", "said"),
    [
        (True, True, True, []),
        (True, False, True, []),
        (False, True, False, ["disable old.service"]),
        (False, False, False, []),
    ],
)
def test_the_new_one_begins_now_only_where_the_old_one_reads_on(
    on: t.Any, active: bool, enabled: bool, begins: bool, said: list
) -> None:
    host = on(active=active, enabled=enabled)
    assert replacement.prepare("/opt/obs", ["old"]) is begins
    assert host.said == said
    assert replacement.prepare("/opt/obs", []) is False


def test_what_is_still_there(tmp_path: t.Any) -> None:
    (tmp_path / "old").mkdir()
    assert still_there(str(tmp_path), ("old", "gone")) == ("old",)
