# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before anything changes."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _refusals
from ansible_collections.obs.stack.plugins.module_utils._adoption import Foreign
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._generation import Generation
from ansible_collections.obs.stack.plugins.module_utils._inspect import Host
from ansible_collections.obs.stack.plugins.module_utils._plan import Found, Plan
from ansible_collections.obs.stack.plugins.module_utils._refusals import refuse_what_is_wrong
from ansible_collections.obs.stack.plugins.module_utils._systemd import UnitState
from ansible_collections.obs.stack.plugins.module_utils._wish import Wish


def host(current: Generation | None = None, *, main_pid: int = 0) -> Host:
    unit = UnitState("loaded", "active", "running", main_pid, "", 0, "", "", (), False, "", "", "")
    return Host(unit, current, current, {}, {}, {}, Foreign(), b"", Found())


def generation(path: str) -> Generation:
    return Generation(2, {"release": {"version": "1.0.0", "id": "x"}, "data": {"path": path}}, "")


def wish(**changes: Any) -> Wish:
    return Wish(name="x", root="/opt/obs", account={"user": "u", "group": "g"}, **changes)


def test_data_of_another_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_refusals, "ids_of", lambda account: (os.getuid() + 1, 0))
    with pytest.raises(StackError, match="user id"):
        refuse_what_is_wrong(wish(data={"path": str(tmp_path)}), host=host(), plan=Plan())


def test_data_that_is_gone(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    with pytest.raises(StackError, match="does not begin empty"):
        refuse_what_is_wrong(wish(data={"path": gone}), host=host(generation(gone)), plan=Plan())
    assert not refuse_what_is_wrong(wish(data={"path": gone}), host=host(), plan=Plan()), "a first install makes it"


def test_another_data_folder_is_warned_about(tmp_path: Path) -> None:
    new = str(tmp_path / "new")
    (warning,) = refuse_what_is_wrong(wish(data={"path": new}), host=host(generation("/old")), plan=Plan())
    assert new in warning and "/old" in warning


def test_a_port_of_another_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        wanted = wish(probe={"port": server.getsockname()[1], "address": "127.0.0.1"})
        for effect in ("start", "restart"):
            with pytest.raises(StackError, match=str(os.getpid())):
                refuse_what_is_wrong(wanted, host=host(), plan=Plan(effect=effect))
        assert not refuse_what_is_wrong(wanted, host=host(main_pid=os.getpid()), plan=Plan(effect="restart")), "its own"
        assert not refuse_what_is_wrong(wanted, host=host(), plan=Plan(effect="reload")), "nothing is bound anew"
