"""What differs between versions and between the two generations of storage."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .errors import Fatal

LEGACY, UNIFIED = "legacy", "unified"


@dataclass(frozen=True)
class Profile:
    """One version, with one storage of dashboards and folders.

    search_lag: seconds until a write is seen by /api/search of unified storage, whose index comes behind.
    """

    version: str
    storage: str
    search_lag: float = 0.0

    @property
    def major(self) -> int:
        """First number of the version."""
        return numbers(self.version)[0]

    @property
    def unified(self) -> bool:
        """Dashboards and folders are kept as resources of /apis."""
        return self.storage == UNIFIED

    @property
    def strict_datasource_uid(self) -> bool:
        """A uid of illegal characters is refused; 11 logs a warning only."""
        return self.major >= 12

    @property
    def numeric_datasources(self) -> bool:
        """Routes by number: off by default since 13."""
        return self.major < 13

    @property
    def honours_folder_id(self) -> bool:
        """A numeric folderId in a dashboard's request is looked at; 13 passes over it."""
        return self.major < 13

    @property
    def hides_missing(self) -> bool:
        """Who is no administrator is told 403 of a folder that is not there, for its rights cannot be resolved."""
        return self.major >= 13

    @property
    def schema_version(self) -> int:
        """What a dashboard written through v1 of /apis is brought to."""
        return 41 if self.major < 13 else 42

    @property
    def resources(self) -> dict[str, dict[str, t.Any]]:
        """Groups of /apis: their versions, the preferred one first."""
        if self.major < 12:
            return {}
        dashboards = ["v1beta1", "v0alpha1", "v2alpha2"] if self.major == 12 else ["v1", "v1beta1", "v0alpha1", "v2"]
        folders = ["v1beta1"] if self.major == 12 else ["v1", "v1beta1"]
        return {
            "dashboard.grafana.app": {"versions": dashboards, "resource": "dashboards", "kind": "Dashboard"},
            "folder.grafana.app": {"versions": folders, "resource": "folders", "kind": "Folder"},
        }


def numbers(version: str) -> tuple[int, ...]:
    """Numbers of a version; those after + or - do not count."""
    found = re.findall(r"\d+", re.split(r"[+-]", version)[0])
    if not found:
        raise Fatal(f"{version!r} is no version, for example 12.0.2")
    return tuple(int(number) for number in found)


def choose(version: str, storage: str = "", search_lag: float = 0.0) -> Profile:
    """A version's profile. Without a storage: unified from 13 on.

    Raises:
        Fatal: there is no such storage in that version.
    """
    major = numbers(version)[0]
    storage = storage or (UNIFIED if major >= 13 else LEGACY)
    if storage not in (LEGACY, UNIFIED):
        raise Fatal(f"the storage {storage!r} is neither {LEGACY} nor {UNIFIED}")
    if storage == UNIFIED and major < 12:
        raise Fatal(f"Grafana {version} has no unified storage of dashboards and folders: it came with 12")
    return Profile(version, storage, search_lag)
