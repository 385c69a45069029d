# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook that keeps Tempo 3.0 away from a write-ahead log of 2.x which still holds traces."""

from __future__ import annotations

import pathlib
import subprocess

HOOK = pathlib.Path(__file__).parents[3] / "roles" / "tempo" / "files" / "hooks" / "wal-flushed"
BLOCK = "0a4f1c2e-1111-4222-8333-444455556666"


def ask(*folders):
    return subprocess.run(["/bin/sh", HOOK, *folders], capture_output=True, text=True, check=False)


def test_no_log_and_an_empty_one_are_fine(tmp_path):
    assert ask(tmp_path / "none", tmp_path).returncode == 0


def test_an_open_block_without_a_page_is_fine(tmp_path):
    block = tmp_path / f"{BLOCK}+single-tenant+vParquet4"
    block.mkdir()
    (block / "meta.json").write_text("{}")
    (block / "0000000001").touch()
    assert ask(tmp_path).returncode == 0


def test_a_page_of_traces_is_refused(tmp_path):
    block = tmp_path / f"{BLOCK}+single-tenant+vParquet4"
    block.mkdir()
    (block / "0000000001").write_bytes(b"PAR1")
    answer = ask(tmp_path / "none", tmp_path)
    assert answer.returncode == 1 and str(tmp_path) in answer.stdout and "POST /shutdown" in answer.stdout


def test_a_whole_block_counts_until_it_is_marked_as_flushed(tmp_path):
    block = tmp_path / "blocks" / "single-tenant" / BLOCK
    block.mkdir(parents=True)
    (block / "meta.json").write_text("{}")
    assert ask(tmp_path).returncode == 1
    (block / "flushed").touch()
    assert ask(tmp_path).returncode == 0
