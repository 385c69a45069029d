# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which generation stays when a change fails after the new version has touched the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _switch
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._generation import Generation
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout
from ansible_collections.obs.stack.plugins.module_utils._switch import Switch

NO_RETURN = [{"at_least": "2.0.0", "below": "2.0.0", "reason": "2.x has changed the data"}]


def generation(number: int, version: str, data: dict) -> Generation:
    manifest = {"release": {"version": version, "id": version}, "data": data, "restart_key": str(number), "files": {}}
    return Generation(number=number, manifest=manifest, unit_text="")


@pytest.mark.parametrize(
    ("data", "goes_back", "hooks"),
    [
        ({}, False, []),
        ({"before": ["save"]}, False, ["before"]),
        ({"before": ["save"], "restore": ["put-back"]}, True, ["before", "restore"]),
    ],
    ids=["nothing-saved", "saved-but-not-put-back", "put-back"],
)
def test_a_version_without_return_stays_unless_its_data_is_put_back(
    data: dict, goes_back: bool, hooks: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(root=str(tmp_path), name="example")
    old, new = generation(1, "1.9.0", {}), generation(2, "2.0.0", {"no_return": NO_RETURN, **data})
    switch = Switch(layout=layout, old=old, new=new, effect="restart", gid=0)
    ran: list[str] = []
    flips: list[int] = []

    def note(_self: Any, which: str, _generation: Any, _argv: Any) -> None:
        ran.append(which)

    def flip(_self: Any, number: int) -> None:
        flips.append(number)

    monkeypatch.setattr(Switch, "_hook", note)
    monkeypatch.setattr(Switch, "_flip_current", flip)
    monkeypatch.setattr(Switch, "_restore_unit", lambda _self, _old: "")
    monkeypatch.setattr(Switch, "_act_back", lambda _self, _old: True)
    monkeypatch.setattr(_switch, "systemctl", lambda _verb, _unit: "")
    monkeypatch.setattr(_switch, "reset_failed", lambda _unit: None)
    monkeypatch.setattr(_switch, "mark_generation_failed", lambda *_arguments: None)

    switch._before_data_changes()
    switch._act(new)
    error = switch._restore(StackError("it did not come up"))

    assert (flips == [1]) is goes_back, str(error)
    assert ran == hooks
    assert ("2.x has changed the data" in str(error)) is not goes_back
