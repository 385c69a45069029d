# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contract tests know about the tree: where things are, and how to read them."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = ROOT / "collections" / "ansible_collections" / "obs" / "stack"
PLUGINS = COLLECTION / "plugins"
UNIT = COLLECTION / "tests" / "unit" / "plugins"
TROUBLESHOOTING = COLLECTION / "docs" / "troubleshooting.md"


# Roles that no play of site.yml runs yet.
ON_THEIR_OWN: set[str] = set()


class _Loader(yaml.SafeLoader):
    """Safe YAML that also takes Ansible's own tags."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]
_Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]


def load_yaml(text: str) -> Any:
    """Parse one YAML document, Ansible's tags included."""
    return yaml.load(text, Loader=_Loader)


def relative(path: Path) -> str:
    """The path as seen from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every regular file git tracks or would add; symlinks are left to their targets."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    paths = (ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def texts(*suffixes: str, under: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Tracked text files with one of the suffixes (all when none is given), with their content."""
    for path in tracked():
        if under not in path.parents or (suffixes and path.suffix not in suffixes):
            continue
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            yield path, data.decode("utf-8")


def roles() -> list[Path]:
    """The folder of every role that ships."""
    return sorted(path for path in (COLLECTION / "roles").glob("*") if path.is_dir())


# Roles that run no service of their own: each brings something to one that runs.
WITHOUT_SERVICE = {"slo"}


def services() -> list[Path]:
    """The folder of every role that runs a service."""
    return [path for path in roles() if path.name not in WITHOUT_SERVICE]


def roles_of_the_site() -> list[Path]:
    """The roles with a service that the playbooks run on hosts. The others are called by a playbook of one's own."""
    return [path for path in services() if path.name not in ON_THEIR_OWN]


def plugins(kind: str) -> list[Path]:
    """Python files of one kind of plugin ("modules", "filter", "action", "module_utils"), without __init__."""
    return sorted(path for path in (PLUGINS / kind).glob("*.py") if path.name != "__init__.py")


def filter_names(path: Path) -> set[str]:
    """The filters one file of plugins/filter defines: the keys of what FilterModule.filters() returns."""
    return set(re.findall(r'"(\w+)":\s*\w+', path.read_text().partition("class FilterModule")[2]))


def yaml_trees() -> list[Path]:
    """The folders whose YAML Ansible runs."""
    return [COLLECTION / "playbooks", COLLECTION / "roles", ROOT / "molecule", COLLECTION / "tests" / "integration"]


def task_files() -> Iterator[tuple[Path, str]]:
    """YAML files with plays or tasks: playbooks, roles, molecule, integration targets and the ones at the root."""
    for folder in yaml_trees():
        for path, text in texts(".yml", ".yaml", under=folder):
            if path.parent.name in {"vars", "defaults", "meta", "inventory", "group_vars", "host_vars", "files"}:
                continue
            if isinstance(load_yaml_or_none(text), list):
                yield path, text
    for path, text in texts(".yml", ".yaml"):
        if path.parent == ROOT and isinstance(load_yaml_or_none(text), list):
            yield path, text


def load_yaml_or_none(text: str) -> Any:
    """Parse a document; None where it is not YAML (broken on purpose, or more than one document)."""
    try:
        return load_yaml(text)
    except yaml.YAMLError:
        return None
