"""Where the dashboards' files are, and whether they are current."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

from scripts.dashboards import boards, look
from scripts.dashboards.render import render

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "collections" / "ansible_collections" / "obs" / "stack" / "roles" / "grafana"
FOLDER = ROLE / "files" / "dashboards"
PAGE = ROLE.parents[1] / "docs" / "dashboards.md"
BEGIN, END = "<!-- generated: dashboards -->", "<!-- end: dashboards -->"


def every_board() -> list[look.Board]:
    """All dashboards, in the order of folders and titles."""
    names = [found.name for found in pkgutil.iter_modules(boards.__path__)]
    found = [importlib.import_module(f"{boards.__name__}.{name}").BOARD for name in names]
    return sorted(found, key=lambda board: (board.folder, board.title))


def page(text: str) -> str:
    """The page of documentation with the list of dashboards in it."""
    rows = ["| folder | dashboard | uid | what it answers |", "|---|---|---|---|"]
    rows += [f"| {board.folder} | {board.title} | `{board.uid}` | {board.question} |" for board in every_board()]
    before, _begin, rest = text.partition(BEGIN)
    return "\n".join([before + BEGIN, *rows, END]) + rest.partition(END)[2]


def texts() -> dict[Path, str]:
    """File to its content, the same each time."""
    found = {}
    for board in every_board():
        text = json.dumps(render(board), indent=1, sort_keys=True, ensure_ascii=False)
        found[FOLDER / board.folder / f"{board.uid}.json"] = text + "\n"
    return {**found, PAGE: page(PAGE.read_text(encoding="utf-8"))}


def stale() -> list[str]:
    """Files that are not what the sources make, and those that nobody makes."""
    wanted = texts()
    found = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    strays = [path for path in FOLDER.rglob("*") if path.is_file() and path not in wanted]
    return sorted(str(path.relative_to(ROOT)) for path in [*found, *strays])


def write() -> list[str]:
    """Write what is stale, remove what nobody makes; returns what changed."""
    changed = stale()
    for path, text in texts().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in changed:
        if ROOT / name not in texts():
            (ROOT / name).unlink()
    return changed
