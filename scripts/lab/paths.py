"""Where the laboratory keeps its things: all outside the checkout, all to be set by the environment."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "collections" / "ansible_collections" / "obs" / "stack"
CATALOG = ROOT / "molecule" / "shared" / "artifacts" / "catalog.yml"
PROJECTS = {  # Python, packed as wheelhouses
    "demo": COLLECTION / "roles" / "demo" / "files" / "obs_demo",
    "exporter": COLLECTION / "roles" / "exporter" / "files" / "obs_exporter",
}
STAND_INS = ROOT / "molecule" / "shared" / "artifacts" / "standins"
BROKEN = ROOT / "molecule" / "shared" / "artifacts" / "broken"


def cache() -> Path:
    """$OBS_CACHE, or obs-stack in the user's cache folder."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("OBS_CACHE") or base / "obs-stack")


def store() -> Path:
    """$OBS_STORE, or store in cache(): mirror/<upstream host>/<upstream path> and obs_lab.yml."""
    return Path(os.environ.get("OBS_STORE") or cache() / "store")
