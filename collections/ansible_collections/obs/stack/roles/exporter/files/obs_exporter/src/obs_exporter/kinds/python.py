# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind python: collectors of one's own."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.core import Metric

from obs_exporter.config.kinds import Python
from obs_exporter.errors import CollectError
from obs_exporter.kinds.base import Plain
from obs_exporter.samples import Builder, Result
from obs_exporter.threads import Threads

GROUP = "obs_exporter.collectors"
Collector = Callable[..., Iterable[Metric]]


def find(name: str) -> Collector:
    """The function of an entry point, or of module:function.

    Raises:
        CollectError: there is none.
    """
    try:
        if ":" in name:
            module, _colon, attribute = name.partition(":")
            found = getattr(importlib.import_module(module), attribute)
        else:
            points = [point for point in importlib.metadata.entry_points(group=GROUP) if point.name == name]
            if not points:
                raise CollectError("error", f"there is no entry point {name!r} in the group {GROUP}")
            found = points[0].load()
    except CollectError:
        raise
    except Exception as error:
        raise CollectError("error", f"cannot load {name}: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise CollectError("error", f"{name} is no function")
    made: Collector = found
    return made


class PythonSource(Plain):
    """Calls a function in a thread. It gets the options by name, and target where /probe hands one on."""

    def __init__(self, name: str, config: Python) -> None:
        self._config = config
        self._threads = Threads(f"{name}-python", config.concurrency)
        self._function: Collector | None = None

    async def collect(self, target: str | None, timeout: float) -> Result:
        """Call it. See Source."""
        return await self._threads.run(lambda: self._call(target))

    def _call(self, target: str | None) -> Result:
        if self._function is None:
            self._function = find(self._config.collector)
        options: dict[str, Any] = dict(self._config.options)
        if target is not None:
            options["target"] = target
        builder = Builder(self._config.labels, self._config.max_series)
        try:
            for metric in self._function(**options):
                if not isinstance(metric, Metric):
                    raise CollectError("malformed", "the collector yields something that is no Metric")
                builder.take([metric])
        except CollectError:
            raise
        except Exception as error:
            raise CollectError("error", f"the collector raised {type(error).__name__}: {error}") from None
        return builder.result()
