# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What filters share: expected failures as Ansible's own, and one derivation for all mentions in a task."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils import _filters


def test_an_expected_failure_is_ansibles_own() -> None:
    def refuse() -> None:
        raise StackError("Could not x", why="y")

    with pytest.raises(AnsibleFilterError, match="Could not x: y"):
        _filters.explained(refuse)()


@pytest.mark.parametrize(("worker", "derived"), [(True, ["a", "b", "a"]), (False, ["a", "a", "b", "a"])])
def test_a_worker_derives_once_for_a_host_and_its_inventory(
    worker: bool, derived: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def derive(_groups: Any, hostvars: Any, host: str) -> Any:
        seen.append(host)
        return hostvars[host]

    monkeypatch.setattr(_filters.multiprocessing, "parent_process", lambda: object() if worker else None)
    call = _filters.once_per_task(derive)
    first, other = {"a": 1, "b": 2}, {"a": 3}
    assert [call({}, first, "a"), call({}, first, "a"), call({}, first, "b"), call({}, other, "a")] == [1, 1, 2, 3]
    assert seen == derived
