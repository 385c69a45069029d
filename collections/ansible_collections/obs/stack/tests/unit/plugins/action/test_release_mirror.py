# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task of the mirror: options, diff, table, one error for all that is missing. And its documentation."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.action import release_mirror as action
from ansible_collections.obs.stack.plugins.modules import release_mirror
from ansible_collections.obs.stack.tests.unit.documentation import documented, essence


@pytest.fixture(autouse=True)
def base_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action.ActionBase, "run", lambda *_arguments, **_options: {})


def run(tmp_path: Path, *, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
    place = tmp_path / "upstream" / "example.com"
    place.mkdir(parents=True, exist_ok=True)
    (place / "x-1.0.0-amd64.zip").write_bytes(b"\0" * (3 << 20))
    args = {
        "path": str(tmp_path / "mirror"),
        "releases": [
            {
                "service": "x",
                "version": "1.0.0",
                "url": "https://example.com/x-{version}-{arch}.zip",
                "sha256": {"amd64": hashlib.sha256(b"\0" * (3 << 20)).hexdigest()},
            }
        ],
        "architectures": ["amd64"],
        "fetch": {"mirror": f"file://{tmp_path}/upstream", "cache_dir": str(tmp_path / "cache")},
        **changes,
    }
    plugin = action.ActionModule.__new__(action.ActionModule)
    plugin._task = SimpleNamespace(args=args, check_mode=check_mode, diff=True)
    return plugin.run()


def test_collects_and_tells(tmp_path: Path) -> None:
    foretold = run(tmp_path, check_mode=True)
    result = run(tmp_path)
    assert foretold["changed"] and result["changed"] and foretold["diff"] == result["diff"]
    assert result["diff"][0]["before"] == "" and result["diff"][0]["after"].endswith(
        "  example.com/x-1.0.0-amd64.zip\n"
    )
    assert result["table"][1].split() == ["x", "1.0.0", "amd64", "3.0", "MiB", "added", "example.com/x-1.0.0-amd64.zip"]
    again = run(tmp_path)
    assert not again["changed"] and again["diff"][0]["before"] == again["diff"][0]["after"]
    (tmp_path / "mirror" / "SHA256SUMS").unlink()
    assert run(tmp_path)["changed"], "the list is part of it"
    (tmp_path / "mirror" / "example.com" / "x-1.0.0-amd64.zip").write_bytes(b"damaged")
    assert run(tmp_path)["changed"] and not run(tmp_path)["changed"]


def test_what_is_missing_is_one_error(tmp_path: Path) -> None:
    result = run(tmp_path, architectures=["amd64", "arm64"])
    assert result["failed"] and "Could not collect 1 of 2 files" in result["msg"] and "#mirror" in result["msg"]
    assert "FAILED" in result["table"][2] and (tmp_path / "mirror" / "SHA256SUMS").exists()


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(tmp_path, path=str(tmp_path / "file" / "mirror"))
    assert result["failed"] and result["msg"].startswith(f"Could not write the mirror {tmp_path}/file/mirror")


def test_wrong_options_are_told(tmp_path: Path) -> None:
    result = run(tmp_path, release=[])
    assert result["failed"] and "release_mirror" in result["msg"]


def test_documentation_and_check_agree() -> None:
    assert documented(release_mirror) == essence(action.ARGUMENT_SPEC, "options")
