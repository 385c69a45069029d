#!/usr/bin/env python3
"""Writes each role's README.md from its meta/argument_specs.yml.

python -m scripts.role_docs            write them
python -m scripts.role_docs --check    say which are not current, and fail
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
ROLES = ROOT / "collections" / "ansible_collections" / "obs" / "stack" / "roles"
HEADER = "<!-- Written by scripts/role_docs.py from meta/argument_specs.yml: change that file. -->"


def prose(text: str | list[str]) -> str:
    """Descriptions in Ansible's markup, as Markdown."""
    joined = " ".join(text) if isinstance(text, list) else text
    joined = re.sub(r"[OVC]\(((?:[^()]|\([^()]*\))*)\)", r"`\1`", joined)
    joined = re.sub(r"[MP]\(([^()#]+)(?:#\w+)?\)", r"`\1`", joined)
    return re.sub(r"B\(([^()]*)\)", r"**\1**", joined)


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|")


def kind(option: dict[str, Any]) -> str:
    """The type in words: list of str."""
    return f"list of {option['elements']}" if option["type"] == "list" else option["type"]


def default(option: dict[str, Any]) -> str:
    """The default as one would write it in YAML, or that there must be a value."""
    if option.get("required"):
        return "required"
    if "default" not in option or option["default"] is None:
        return ""
    value = option["default"]
    return f"`{value if isinstance(value, str) and value else json.dumps(value)}`"


def row(name: str, option: dict[str, Any]) -> str:
    """One line of the table of variables."""
    text = prose(option["description"])
    if "choices" in option:
        text += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    return f"| `{name}` | {kind(option)} | {cell(default(option))} | {cell(text)} |"


def table(options: dict[str, Any]) -> list[str]:
    """A table of variables or keys."""
    return ["| name | type | default | |", "|---|---|---|---|", *(row(name, options[name]) for name in options)]


def example(role: str) -> str:
    """The play that runs the role, with the variables of the example in the head of its defaults/main.yml."""
    lines = (ROLES / role / "defaults" / "main.yml").read_text().splitlines()
    start = lines.index("# Example:") + 1
    variables = []
    for line in lines[start:]:
        if not line.startswith("#"):
            break
        variables.append(line[1:])
    group = next((line.split()[-1] for line in lines if line.startswith("# Hosts: ")), role)
    play = [f"- hosts: {group}", "  become: true", "  roles:", f"    - role: obs.stack.{role}", "      vars:"]
    return "\n".join([*play, *(" " * 5 + line for line in variables)])


def render(role: str) -> str:
    """The whole README of a role."""
    spec = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]
    options = spec["options"]
    lines = [f"# obs.stack.{role}", "", HEADER, "", *(f"{prose(text)}\n" for text in spec["description"])]
    lines += ["```yaml", example(role), "```", ""]
    back = f"To go back later: `ansible-playbook obs.stack.rollback -e service={role}`."
    if f"{role}_keep_generations" not in options:  # no service of its own
        back = "What it brought stays until its next run."
    lines += [
        "Runs in check mode, also on a bare host, and says what it would change; a second run changes nothing. What",
        f"does not get ready is taken back. {back}",
        "The role knows no inventory group and no variable of others; `obs.stack.site` derives its values from an",
        "inventory.",
        "",
        "## Variables",
        "",
        *table(options),
    ]
    for name, option in options.items():
        if "options" in option:
            lines += ["", f"### {name}", "", *table(option["options"])]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a README is not current")
    check = parser.parse_args().check
    stale = []
    for role in sorted(path.parent.parent.name for path in ROLES.glob("*/meta/argument_specs.yml")):
        readme = ROLES / role / "README.md"
        text = render(role)
        if not readme.exists() or readme.read_text() != text:
            stale.append(str(readme.relative_to(ROOT)))
            if not check:
                readme.write_text(text)
    for name in stale:
        print(f"{name}: {'not current, run python -m scripts.role_docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
