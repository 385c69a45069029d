# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`obs-exporter`: serve, check a configuration, or print its metrics once."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import sys
from pathlib import Path

from obs_exporter import __version__, journal, tracing
from obs_exporter.config import Config, ConfigError, read
from obs_exporter.config.load import schema
from obs_exporter.errors import CollectError
from obs_exporter.journal import say
from obs_exporter.kinds.python import find
from obs_exporter.site import Site
from obs_exporter.web.config import WebFile
from obs_exporter.web.server import serve, split_address

PRINT_SECONDS = 3600.0


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The arguments; ends the process where they are wrong."""
    options = argparse.ArgumentParser(prog="obs-exporter", description=__doc__, allow_abbrev=False)
    add = options.add_argument
    add("--version", action="version", version=f"obs-exporter {__version__}")
    add("--config.file", dest="config", type=Path, default=Path("/etc/exporter/exporter.yml"), metavar="FILE")
    add(
        "--storage.path",
        dest="storage",
        type=Path,
        default=Path("/var/lib/exporter"),
        metavar="DIR",
        help="positions and counters of logs",
    )
    add(
        "--web.listen-address",
        dest="listen",
        action="append",
        metavar="HOST:PORT",
        help="default 127.0.0.1:9920; may be given again",
    )
    add("--web.config.file", dest="web_config", metavar="FILE", help="TLS and users, as exporter-toolkit has it")
    add("--web.enable-lifecycle", dest="lifecycle", action="store_true", help="allow POST /-/reload")
    add("--log.level", dest="level", choices=sorted(journal.LEVELS), default="info")
    add("--log.format", dest="form", choices=["logfmt", "json"], default="logfmt")
    add("--check-config", action="store_true", help="check the configuration files, say what is wrong, and end")
    add("--print-metrics", action="store_true", help="collect once, print, and end; keeps and saves nothing")
    add("--module", action="append", help="with --print-metrics: only this one; may be given again")
    add("--print-schema", action="store_true", help="print the configuration's JSON Schema and end")
    found = options.parse_args(argv)
    found.listen = found.listen or ["127.0.0.1:9920"]
    try:
        for address in found.listen:
            split_address(address)
    except ValueError as error:
        options.error(str(error))
    return found


def main(argv: list[str] | None = None) -> int:
    """Do what the arguments say; returns the exit code."""
    options = arguments(argv)
    if options.print_schema:
        sys.stdout.write(schema())
        return 0
    journal.set_up(options.level, options.form)
    try:
        if options.check_config:
            return _check(options)
        if options.print_metrics:
            return asyncio.run(_print(options))
        return _serve(options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, ValueError) as error:
        say(logging.ERROR, "cannot serve", error=error)
        return 1


def _read(options: argparse.Namespace) -> Config:
    return read(options.config)


def _check(options: argparse.Namespace) -> int:
    config = _read(options)
    if options.web_config:
        WebFile(Path(options.web_config)).context()
    sys.path += config.plugin_paths
    # Where they are elsewhere, on the host it is for, nothing can be said of what is in them.
    absent = [folder for folder in config.plugin_paths if not Path(folder).is_dir()]
    for folder in absent:
        print(f"{options.config}: plugin_paths: {folder} is not here: collectors are not judged", file=sys.stderr)
    for name, module in config.modules.items():
        if module.kind == "python":
            try:
                find(module.collector)
            except CollectError as error:
                if absent:
                    continue
                print(f"{options.config}: modules.{name}: {error}", file=sys.stderr)
                return 2
    print(f"{options.config}: {len(config.modules)} modules, no errors")
    return 0


async def _print(options: argparse.Namespace) -> int:
    site = Site(lambda: _read(options), None)
    only = set(options.module or [])
    await site.load()
    unknown = only - set(site.runners)
    if unknown:
        print(f"there is no module {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = {name for name, one in site.runners.items() if one.scraped and (not only or name in only)}
    for name in chosen:
        await site.runners[name].once()
    page = await site.page(PRINT_SECONDS, False, chosen)
    sys.stdout.write(page.decode())
    good = all(
        site.own.registry.get_sample_value("obs_exporter_collection_success", {"module": name}) for name in chosen
    )
    await site.stop()
    sys.stdout.flush()
    return 0 if good else 1


def _serve(options: argparse.Namespace) -> int:
    tracing.set_up()
    lock = _only_one(options.storage)
    say(logging.INFO, "starting", version=__version__, config=options.config)
    site = Site(lambda: _read(options), options.storage)
    web_config = Path(options.web_config) if options.web_config else None
    asyncio.run(serve(site, options.listen, web_config, lifecycle=options.lifecycle))
    tracing.shut_down()
    os.close(lock)
    say(logging.INFO, "ended")
    logging.shutdown()
    # Threads that hang in an upstream are not waited for.
    os._exit(0)


def _only_one(storage: Path) -> int:
    """A lock on the folder: two of us would count the same lines into one file. Raises OSError."""
    storage.mkdir(parents=True, exist_ok=True)
    lock = os.open(storage / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise OSError(f"another obs-exporter uses {storage}") from None
    return lock


if __name__ == "__main__":
    sys.exit(main())
