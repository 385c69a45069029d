"""grafana.ini as Grafana reads it: defaults.ini below it, environment and command line over it."""

from __future__ import annotations

import configparser
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from .errors import Fatal

_OVERRIDE = re.compile(r"cfg:(?:default\.)?([\w.]+)\.(\w+)=(.*)$")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "M": 2592000.0, "y": 31536000.0}


def expand(value: str) -> str:
    """$__file{} and $__env{} of a value."""

    def one(match: re.Match[str]) -> str:
        if match[1] == "env":
            return os.environ.get(match[2], "")
        try:
            return Path(match[2]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Fatal(f"failed to expand {match[0]}: {error.strerror}") from error

    return re.sub(r"\$__(file|env)\{([^{}]+)\}", one, value)


def seconds(text: str) -> float | None:
    """A duration as Grafana writes it (5s, 1m, 2h); None where it is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdwMy])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Settings:
    """Sections of keys; every value is read expanded."""

    def __init__(self, home: str, config: str, overrides: list[str]) -> None:
        defaults = Path(home, "conf", "defaults.ini")
        if not home or not defaults.exists():
            raise Fatal(
                "Grafana-server Init Failed: Could not find config defaults, make sure homepath command line "
                "parameter is set or working directory is homepath"
            )
        self._parser = configparser.RawConfigParser(default_section="\0", delimiters=("=",), allow_no_value=True)
        self._parser.optionxform = str  # type: ignore[assignment,method-assign]
        for path in (str(defaults), config):
            if path:
                self._read(Path(path))
        for word in overrides:
            match = _OVERRIDE.match(word)
            if match:
                self._parser.read_dict({match[1]: {match[2]: match[3]}})

    def _read(self, path: Path) -> None:
        try:
            self._parser.read_string("[head]\n" + path.read_text(encoding="utf-8"), source=str(path))
        except (OSError, configparser.Error) as error:
            raise Fatal(f"failed to parse {path}: {error}") from error

    def get(self, section: str, key: str, otherwise: str = "") -> str:
        """A value; GF_<SECTION>_<KEY> of the environment wins."""
        name = re.sub(r"[.-]", "_", f"GF_{section}_{key}".upper())
        value = os.environ.get(name)
        if value is None:
            value = self._parser.get(section, key, fallback=otherwise) or ""
        value = value.strip()
        quoted = re.fullmatch(r'"""(.*)"""|`(.*)`', value)
        return expand((quoted[1] or quoted[2] or "") if quoted else value)

    def on(self, section: str, key: str) -> bool:
        """A value that is a switch."""
        return self.get(section, key).lower() in ("true", "1", "yes")

    def number(self, section: str, key: str, otherwise: int) -> int:
        """A value that is a whole number."""
        value = self.get(section, key)
        return int(value) if re.fullmatch(r"-?\d+", value) else otherwise

    def sections(self) -> dict[str, dict[str, str]]:
        """Everything, secrets masked: what /api/admin/settings shows."""
        found: dict[str, dict[str, str]] = {}
        for section in self._parser.sections():
            name = "" if section == "head" else section
            keys = found.setdefault(name, {})
            for key in self._parser.options(section):
                secret = re.search(r"password|secret|private_key", key)
                keys[key] = "*********" if secret and self.get(section, key) else self.get(section, key)
        return found

    @property
    def sub_path(self) -> str:
        """Path of root_url, without a slash at its end."""
        return urlsplit(self.get("server", "root_url")).path.rstrip("/")
