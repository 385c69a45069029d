"""Objectives that ship with the role slo are known to the inventory. What is in them is tested with the module."""

from __future__ import annotations

from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import COMPONENTS
from ansible_collections.obs.stack.plugins.module_utils._estate_slos import STARTERS
from tests.tree import COLLECTION


def test_an_inventory_takes_each_that_ships() -> None:
    files = {path.stem for path in (COLLECTION / "roles" / "slo" / "files" / "starters").glob("*")}
    assert files == set(STARTERS) <= {component.name for component in COMPONENTS}
