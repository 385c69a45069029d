"""The fixtures of molecule/shared/testing/states.py, for every test of this scenario."""

from __future__ import annotations

from states import killing_collections, old, present, run_until

__all__ = ["killing_collections", "old", "present", "run_until"]
