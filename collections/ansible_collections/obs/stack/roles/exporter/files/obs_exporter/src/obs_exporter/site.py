# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All modules of a configuration, and the change from one configuration to the next."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from obs_exporter.config import Config, ConfigError
from obs_exporter.config.kinds import Command, HttpJson, Python, Sql, SystemdUnits
from obs_exporter.config.logs import Log
from obs_exporter.config.model import Module
from obs_exporter.errors import CollectError
from obs_exporter.journal import say
from obs_exporter.kinds.base import Source
from obs_exporter.kinds.command import CommandSource
from obs_exporter.kinds.http_json import HttpJsonSource
from obs_exporter.kinds.log import LogSource
from obs_exporter.kinds.python import PythonSource
from obs_exporter.kinds.sql import SqlSource
from obs_exporter.kinds.systemd_units import SystemdUnitsSource
from obs_exporter.own import Own
from obs_exporter.render import Cached, join
from obs_exporter.runner import Runner
from obs_exporter.samples import Result


def source_of(name: str, config: Module, storage: Path | None, own: Own) -> Source:
    """What collects for a module."""
    if isinstance(config, Log):
        return LogSource(name, config, storage / f"{name}.json" if storage else None, own)
    if isinstance(config, HttpJson):
        return HttpJsonSource(name, config)
    if isinstance(config, Sql):
        return SqlSource(name, config)
    if isinstance(config, Command):
        return CommandSource(name, config)
    if isinstance(config, Python):
        return PythonSource(name, config)
    if isinstance(config, SystemdUnits):
        return SystemdUnitsSource(name, config)
    raise TypeError(name)


class Site:
    """The modules at work. storage: folder for what is kept over restarts; None keeps nothing."""

    def __init__(self, read: Callable[[], Config], storage: Path | None) -> None:
        self.own = Own()
        self.ready = False
        self.runners: dict[str, Runner] = {}
        self._read = read
        self._storage = storage
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Take the configuration as it is now; modules that did not change go on undisturbed.

        Raises:
            ConfigError: it is not valid; all stays as it was.
        """
        async with self._lock:
            try:
                config = await asyncio.get_running_loop().run_in_executor(None, self._read)
            except ConfigError as error:
                self.own.read_config(False)
                say(logging.ERROR, "kept the old configuration", error="; ".join(str(error).splitlines()[:5]))
                raise
            for folder in config.plugin_paths:
                if folder not in sys.path:
                    sys.path.append(folder)
            await self._change(config)
            self.own.read_config(True)
            self.ready = True
            say(logging.INFO, "took the configuration", modules=len(config.modules))

    async def _change(self, config: Config) -> None:
        gone = [name for name, runner in self.runners.items() if config.modules.get(name) != runner.config]
        stopping = [self.runners.pop(name) for name in gone]
        await asyncio.gather(*(runner.stop() for runner in stopping), return_exceptions=True)
        for name in gone:
            if name not in config.modules:
                self.own.forget(name)
        for name, module in config.modules.items():
            if name not in self.runners:
                runner = Runner(name, module, source_of(name, module, self._storage, self.own), self.own)
                await runner.start()
                self.runners[name] = runner

    async def page(self, budget: float, as_openmetrics: bool, only: set[str] | None = None) -> bytes:
        """Everything, within `budget` seconds: modules that are not done by then are left out."""
        chosen = [one for one in self.runners.values() if one.scraped and (only is None or one.name in only)]
        found = await asyncio.gather(*(one.serve(min(one.config.timeout, budget)) for one in chosen))
        having = [(one.name, result) for one, result in zip(chosen, found) if result is not None]
        own = Cached(Result(list(self.own.registry.collect())))
        results = [result for _name, result in having] + ([own] if only is None else [])
        loop = asyncio.get_running_loop()
        page, dropped = await loop.run_in_executor(None, join, results, as_openmetrics)
        for index, reasons in dropped.items():
            if index < len(having):
                self.own.drop(having[index][0], reasons)
        return page

    async def stop(self) -> None:
        """End all modules; their states are saved."""
        self.ready = False
        await asyncio.gather(*(runner.stop() for runner in self.runners.values()), return_exceptions=True)


__all__ = ["CollectError", "Site", "source_of"]
