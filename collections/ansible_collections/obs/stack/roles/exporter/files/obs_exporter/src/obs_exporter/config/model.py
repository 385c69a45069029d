# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration as data."""

from __future__ import annotations

from typing import Annotated, Union

from pydantic import Field, model_validator

from obs_exporter.config.kinds import Command, HttpJson, Python, Sql, SystemdUnits
from obs_exporter.config.logs import Log
from obs_exporter.config.metrics import Described, Strict

Module = Annotated[Union[HttpJson, Sql, Log, Command, Python, SystemdUnits], Field(discriminator="kind")]
ModuleName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]


def described(module: Module) -> list[Described]:
    """The metrics that a module's configuration names itself."""
    if isinstance(module, Sql):
        return [metric for query in module.queries for metric in query.metrics]
    if isinstance(module, Log):
        return list(module.effective_metrics())
    return list(getattr(module, "metrics", []))


class Config(Strict):
    """All of it. One name has one type and one help text in all modules."""

    modules: dict[ModuleName, Module] = Field({}, description="What is collected, by name.")
    plugin_paths: list[str] = Field([], description="Folders with Python collectors of one's own.")

    @model_validator(mode="after")
    def _one_meaning_per_name(self) -> Config:
        known: dict[str, tuple[str, str]] = {}
        for name, module in self.modules.items():
            for metric in described(module):
                if metric.family.startswith("obs_exporter_"):
                    raise ValueError(f"modules.{name}: {metric.name}: obs_exporter_ is the exporter's own")
                if metric.family in known and known[metric.family][0] != metric.type:
                    other, where = known[metric.family]
                    raise ValueError(
                        f"modules.{name}: {metric.name} is a {metric.type} here and a {other} in modules.{where}"
                    )
                known.setdefault(metric.family, (metric.type, name))
        return self
