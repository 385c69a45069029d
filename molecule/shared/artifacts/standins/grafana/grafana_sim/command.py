"""The command line: grafana's own (server, cli, --version), and `sim`, a server for tests on this machine."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from . import profile, version
from .database import Database
from .errors import Fatal
from .server import serve
from .settings import Settings

GIVEN_BY = "GRAFANA_SIM_PASSWORD"


def main(words: list[str]) -> int:
    """Do what the command line says; returns the exit code."""
    if words in (["--version"], ["-v"]):
        print(f"grafana version {version.PACKED}")
        return 0
    try:
        if words[:1] == ["sim"]:
            simulate(words[1:])
        else:
            _grafana(words)
    except Fatal as error:
        print(f"Error: ✗ {error}", file=sys.stderr)
        return 1
    return 0


def _grafana(words: list[str]) -> None:
    command, words = (words[0], words[1:]) if words else ("", [])
    options, rest = {"homepath": "", "config": ""}, []
    while words:
        name, equals, value = words.pop(0).partition("=")
        if name.lstrip("-") in options and name.startswith("-"):
            options[name.lstrip("-")] = value if equals else words.pop(0)
        else:
            rest.append(name + equals + value)
    settings = Settings(options["homepath"], options["config"], rest)
    chosen = profile.choose(version.PACKED)
    if command == "server":
        serve(settings, chosen)
    elif command == "cli" and rest[:2] == ["admin", "reset-admin-password"]:
        reset_password(settings, chosen, rest[2:])
    else:
        raise Fatal(f"No help topic for '{command}'")


def reset_password(settings: Settings, chosen: profile.Profile, words: list[str]) -> None:
    """grafana cli admin reset-admin-password: of the first user."""
    password = sys.stdin.readline().strip() if "--password-from-stdin" in words else words[-1] if words else ""
    if len(password) < 4:
        raise Fatal("new password is too short")
    Database(settings, chosen).set_password(1, password)
    print("Admin password changed successfully ✔")


def simulate(words: list[str]) -> None:
    """A server on 127.0.0.1 whose database is gone with it, unless --data names a folder."""
    options = argparse.ArgumentParser(prog="grafana_sim sim", description=simulate.__doc__)
    options.add_argument("--port", type=int, default=3000)
    options.add_argument("--version", dest="release", default="13.2.3", help="what it says it is, and behaves as")
    options.add_argument("--storage", default="", choices=["", profile.LEGACY, profile.UNIFIED])
    options.add_argument("--search-lag", type=float, default=0.0, metavar="SECONDS")
    options.add_argument("--config", default="", help="a grafana.ini over the defaults")
    options.add_argument("--data", default="", help="folder of the database, kept")
    options.add_argument("--faults", action="store_true", help="let requests to /sim/ make it misbehave")
    chosen = options.parse_args(words)
    password = os.environ.get(GIVEN_BY, "")
    if not password:
        raise Fatal(f"{GIVEN_BY} is not set: the administrator's password, which has no default here")
    folder = chosen.data or tempfile.mkdtemp(prefix="grafana-sim-")
    try:
        serve(_settings(folder, chosen.config, chosen.port), _profile(chosen), chosen.faults)
    finally:
        if not chosen.data:
            shutil.rmtree(folder, ignore_errors=True)


def _profile(chosen: argparse.Namespace) -> profile.Profile:
    return profile.choose(chosen.release, chosen.storage, chosen.search_lag)


def _settings(folder: str, config: str, port: int) -> Settings:
    home = Path(folder, "home")
    (home / "conf").mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(__file__).parents[1] / "defaults.ini", home / "conf")
    os.environ["GF_SECURITY_ADMIN_PASSWORD"] = os.environ[GIVEN_BY]
    words = {
        "server.http_addr": "127.0.0.1",
        "server.http_port": str(port),
        "paths.data": f"{folder}/data",
        "paths.logs": f"{folder}/log",
        "paths.plugins": f"{folder}/plugins",
    }
    if not config:
        words["paths.provisioning"] = f"{folder}/provisioning"
    return Settings(str(home), config, [f"cfg:{name}={value}" for name, value in words.items()])
