# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a command that a service brings is run, and what is said when it fails."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _hooks
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._generation import Generation
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout

GENERATION = Generation(
    number=3, manifest={"account": {"user": "u", "group": "g"}, "data": {"path": "/var/lib/x"}}, unit_text=""
)


def run(monkeypatch: pytest.MonkeyPatch, code: int, said: str) -> list[str]:
    """Run a hook that ends so; the command it was run by."""
    seen: list[t.Any] = []

    def run_in_sandbox(argv: t.Any) -> tuple:
        seen.append(list(argv))
        return code, said

    monkeypatch.setattr(_hooks, "run_in_sandbox", run_in_sandbox)
    _hooks.run_hook(Layout(root="/opt/obs", name="x"), GENERATION, "begin", ["/bin/do", "it"], {"A": "b"})
    return list(seen[0])


def test_it_runs_as_the_account_with_its_data_and_its_own_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = run(monkeypatch, 0, "")
    assert argv[-4:] == ["/usr/bin/env", "A=b", "/bin/do", "it"]
    assert "User=u" in argv and "ReadWritePaths=/var/lib/x" in argv
    assert "BindReadOnlyPaths=/opt/obs/x/generations/3:/opt/obs/x/current" in argv
    assert "PrivateNetwork=yes" not in argv


@pytest.mark.parametrize(("said", "why"), [("no room", "no room"), ("", "/bin/do ended with status 1")])
def test_it_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch, said: str, why: str) -> None:
    with pytest.raises(StackError) as caught:
        run(monkeypatch, 1, said)
    assert (caught.value.what, caught.value.why, caught.value.step) == ("data.begin of x failed", why, "data")
