# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run tells: before and after of everything that changes, secrets blanked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._adoption import Foreign
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._generation import compose
from ansible_collections.obs.stack.plugins.module_utils._inspect import Host
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout
from ansible_collections.obs.stack.plugins.module_utils._masking import MASK, Masker
from ansible_collections.obs.stack.plugins.module_utils._outcome import Outcome, difference, masked_error
from ansible_collections.obs.stack.plugins.module_utils._plan import Found, Plan
from ansible_collections.obs.stack.plugins.module_utils._systemd import UnitState
from ansible_collections.obs.stack.plugins.module_utils._wish import FileWish, ReleaseWish, Wish

UNIT = UnitState("loaded", "inactive", "dead", 0, "", 0, "", "", (), False, "", "", "")
RELEASE = ReleaseWish("1.0.0", "https://h/x", "", {}, {}, {"xd": "xd"}, ())


def entries(tmp_path: Path, *files: FileWish) -> dict[str, dict[str, str]]:
    wish = Wish(name="x", root=str(tmp_path), release=RELEASE, command=("xd", "-v"), files=files)
    wish = replace(
        wish, account={"user": "u", "group": "g"}, live=(FileWish("t.yml", b"live\n", 0o640, "none", False),)
    )
    draft = compose(wish, release_id="1.0.0-a", release_sha256="a", home="/o/x", key=b"k" * 32)
    host = Host(UNIT, None, None, {}, {}, {}, Foreign(), b"", Found())
    plan = Plan(action="install", effect="start", new_generation=True, write_unit=True, live_changed=("t.yml",))
    found = difference(
        wish,
        Layout(str(tmp_path), "x"),
        Masker(wish.secrets),
        host=host,
        plan=plan,
        draft=draft,
        to={"version": "1.0.0", "generation": 1},
    )
    return {entry["after_header"]: entry for entry in found}


def test_plan_files_live_files_and_unit_are_shown(tmp_path: Path) -> None:
    found = entries(tmp_path, FileWish("a.yml", b"a: 1\n", 0o640, "reload", False))
    assert set(found) == {"x", "/etc/x/a.yml", "/etc/obs/x/live/t.yml", "/etc/systemd/system/x.service"}
    assert "version: 1.0.0" in found["x"]["after"] and "action: install" in found["x"]["after"]
    assert (found["/etc/x/a.yml"]["before"], found["/etc/x/a.yml"]["after"]) == ("", "a: 1\n")


def test_secrets_are_only_said_to_change(tmp_path: Path) -> None:
    secret = FileWish("token", b"canary-1\n", 0o640, "none", True)
    quoting = FileWish("a.yml", b"x: canary-1\npassword: canary-2\n", 0o640, "reload", False)
    found = entries(tmp_path, secret, quoting)
    assert found["/etc/x/token"]["after"] == "(changed)\n"
    assert found["/etc/x/a.yml"]["after"] == f"x: {MASK}\npassword: {MASK}\n"


def test_errors_are_masked_whole() -> None:
    error = StackError("what canary-1", why="why canary-1", hint="hint canary-1", step="check", doc="check")
    hidden = masked_error(error, Masker(["canary-1"]))
    assert "canary" not in str(hidden) and (hidden.step, hidden.doc) == ("check", "check")


@pytest.mark.parametrize(
    ("values", "absent"),
    [({}, {"validated", "need_release"}), ({"validated": False, "not_validated_because": "x"}, {"need_release"})],
)
def test_only_what_was_learnt_is_told(values: dict[str, Any], absent: set[str]) -> None:
    assert not absent & set(Outcome(**values).to_plain())
