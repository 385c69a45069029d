"""The YAML of provisioning files: block mappings and lists, literal blocks, flow style that is JSON."""

from __future__ import annotations

import json
import os
import re
import typing as t

from .settings import expand

_KEY = re.compile(r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s'"#&*!|>%@`\[{][^:#]*?)):(?=\s|$)""")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "e": "\x1b"}
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def load(text: str) -> t.Any:
    """The document of a text.

    Raises:
        ValueError: it uses what this reader does not know.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    value, rest = _block(lines, _skip(lines, 0))
    rest = _skip(lines, rest)
    if rest < len(lines):
        raise ValueError(f"cannot read {lines[rest]!r}")
    return value


def _skip(lines: list[str], at: int) -> int:
    while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith(("#", "---"))):
        at += 1
    return at


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_item(line: str) -> bool:
    return line.lstrip() == "-" or line.lstrip().startswith("- ")


def _block(lines: list[str], at: int) -> tuple[t.Any, int]:
    if at >= len(lines):
        return None, at
    if lines[at].lstrip().startswith(("{", "[")):
        return _value(lines, at, lines[at].strip(), -1)
    return _items(lines, at) if _is_item(lines[at]) else _pairs(lines, at)


def _items(lines: list[str], at: int) -> tuple[list[t.Any], int]:
    depth, items = _indent(lines[at]), []
    while at < len(lines) and _indent(lines[at]) == depth and _is_item(lines[at]):
        rest = lines[at].lstrip()[1:]
        inner = " " * (depth + 1 + _indent(rest)) + rest.lstrip()
        value: t.Any
        if not rest.strip():
            value, at = _block(lines, _skip(lines, at + 1))
        elif _KEY.match(rest.lstrip()) or _is_item(inner):
            lines[at] = inner
            value, at = _block(lines, at)
        else:
            value, at = _value(lines, at, rest.strip(), depth)
        items.append(value)
        at = _skip(lines, at)
    return items, at


def _pairs(lines: list[str], at: int) -> tuple[dict[str, t.Any], int]:
    depth = _indent(lines[at])
    found: dict[str, t.Any] = {}
    while at < len(lines) and _indent(lines[at]) == depth and not _is_item(lines[at]):
        line = lines[at].strip()
        match = _KEY.match(line)
        if not match:
            raise ValueError(f"cannot read {lines[at]!r}")
        key = next(part for part in match.groups() if part is not None)
        rest = line[match.end() :].strip()
        if rest and not rest.startswith("#"):
            found[key], at = _value(lines, at, rest, depth)
        else:
            following = _skip(lines, at + 1)
            deeper = following < len(lines) and (
                _indent(lines[following]) > depth or (_is_item(lines[following]) and _indent(lines[following]) == depth)
            )
            found[key], at = _block(lines, following) if deeper else (None, at + 1)
        at = _skip(lines, at)
    return found, at


def _value(lines: list[str], at: int, text: str, depth: int) -> tuple[t.Any, int]:
    """A scalar, with the lines that belong to it."""
    if re.fullmatch(r"[|>][+-]?", text):
        return _literal(lines, at + 1, depth, text)
    at += 1
    plain = not text.startswith(("'", '"', "[", "{"))
    if plain:
        while at < len(lines) and lines[at].strip() and _indent(lines[at]) > depth:
            text, at = f"{text} {lines[at].strip()}", at + 1
        return _scalar(text), at
    empty = 0
    # Quotes and brackets go on over lines: a break is a blank, an empty line is a break, and \\ at an end is neither.
    while not _whole(text) and at < len(lines):
        following, at = lines[at].strip(), at + 1
        if not following:
            empty += 1
        elif text.endswith("\\") and text.startswith('"'):
            text, empty = text[:-1] + following, 0
        else:
            text, empty = text.rstrip() + ("\n" * empty or " ") + following, 0
    return _scalar(text), at


def _literal(lines: list[str], at: int, depth: int, style: str) -> tuple[str, int]:
    taken: list[str] = []
    while at < len(lines) and (not lines[at].strip() or _indent(lines[at]) > depth):
        taken.append(lines[at])
        at += 1
    while taken and not taken[-1].strip():
        taken.pop()
    margin = min((_indent(line) for line in taken if line.strip()), default=0)
    text = ("\n" if style[0] == "|" else " ").join(line[margin:] for line in taken)
    return text + ("" if style.endswith("-") or not taken else "\n"), at


def _whole(text: str) -> bool:
    if text.startswith("'"):
        return bool(re.fullmatch(r"'(?:[^']|'')*'(?:\s+#.*)?", text, re.DOTALL))
    if text.startswith('"'):
        return bool(re.fullmatch(r'"(?:[^"\\]|\\.)*"(?:\s+#.*)?', text, re.DOTALL))
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _unescaped(match: re.Match[str]) -> str:
    sign = match[1]
    if sign[0] in "xuU":
        return chr(int(sign[1:], 16))
    return _ESCAPES.get(sign, sign)


def _scalar(text: str) -> t.Any:
    if text.startswith("'"):
        return text[1 : text.rindex("'")].replace("''", "'")
    if text.startswith('"'):
        inner = text[1 : text.rindex('"')]
        return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", _unescaped, inner, flags=re.DOTALL)
    if text.startswith(("[", "{")):
        return json.loads(text)
    text = re.sub(r"\s+#.*$", "", text)
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"[-+]?\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"[-+]?\d+\.\d+", text) else text


def interpolate(value: t.Any) -> t.Any:
    """$$, expanders and variables in values; keys stay as they are."""
    if isinstance(value, dict):
        return {key: interpolate(item) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    if not isinstance(value, str):
        return value
    return "$".join(
        re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda match: os.environ.get(match[1] or match[2], ""), expand(part))
        for part in value.split("$$")
    )
