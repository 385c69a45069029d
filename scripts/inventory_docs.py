#!/usr/bin/env python3
"""Writes docs/inventory.md from the collection's playbooks/vars/inventory_spec.yml.

python -m scripts.inventory_docs            write it
python -m scripts.inventory_docs --check    say whether it is current, and fail when not
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import yaml

from scripts.role_docs import ROLES, ROOT, prose, table

COLLECTION = ROLES.parent
SPEC = COLLECTION / "playbooks" / "vars" / "inventory_spec.yml"
PAGE = COLLECTION / "docs" / "inventory.md"
HEAD = """\
# Variables of an inventory

<!-- Written by scripts/inventory_docs.py from playbooks/vars/inventory_spec.yml: change that file. -->

What an inventory says about an estate, whatever service it is about. A variable of one service stands in the README of
its role, and wins over the one here that means the same: `prometheus_listen_address` over `obs_listen_address`.

Groups name functions: `prometheus`, `alertmanager`, and `monitored`, which is every host. A host may be in all of them.

A value that does not fit is refused before anything changes. So is a name that is nearly one of these, because it would
be passed over in silence. Variables of your own may begin with `obs_` too, as long as they do not look like a slip.
"""


def sections() -> list[dict[str, Any]]:
    """The specification: sections with a title, a description and options."""
    return yaml.safe_load(SPEC.read_text())["inventory_spec"]


def render(spec: list[dict[str, Any]]) -> str:
    """The whole page."""
    lines = [HEAD]
    for section in spec:
        options = section["options"]
        lines += [f"## {section['title']}", "", prose(section["description"]), "", *table(options), ""]
        for name, option in options.items():
            if "options" in option:
                lines += [f"### {name}", "", *table(option["options"]), ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write or compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is not current")
    check = parser.parse_args().check
    text = render(sections())
    if PAGE.exists() and PAGE.read_text() == text:
        return 0
    name = PAGE.relative_to(ROOT)
    if check:
        print(f"{name}: not current, run python -m scripts.inventory_docs")
        return 1
    PAGE.write_text(text)
    print(f"{name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
