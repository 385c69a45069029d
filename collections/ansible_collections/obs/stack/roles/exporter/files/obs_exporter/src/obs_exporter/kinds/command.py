# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from obs_exporter.config.kinds import Command
from obs_exporter.errors import CollectError
from obs_exporter.kinds.base import Plain
from obs_exporter.mapping import map_document
from obs_exporter.samples import Builder, Result
from obs_exporter.threads import Threads

_PIECE = 64 * 1024
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


async def output_of(
    command: list[str], *, environment: dict[str, str], most: int, exit_codes: list[int], data: bytes = b""
) -> bytes:
    """What a program writes to standard output. Cancelled, the program and all it started are killed.

    Raises:
        CollectError: it cannot be started, writes too much or ends with another code.
    """
    surroundings = {"PATH": PATH, "LANG": "C.UTF-8", **environment}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if data else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=surroundings,
            start_new_session=True,
            cwd="/",
        )
    except (OSError, ValueError) as error:
        raise CollectError("error", f"cannot start {command[0]}: {getattr(error, 'strerror', None) or error}") from None
    whole = bytearray()
    try:
        if data and process.stdin is not None:
            process.stdin.write(data)
            process.stdin.close()
        while process.stdout is not None:
            piece = await process.stdout.read(_PIECE)
            if not piece:
                break
            whole += piece
            if len(whole) > most:
                raise CollectError("too_large", f"{command[0]} wrote more than {most} bytes")
        code = await process.wait()
    finally:
        # The whole group: also what it left running in the background, or this grows with every scrape.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.returncode is None:
            await asyncio.shield(process.wait())
    if code not in exit_codes:
        raise CollectError("upstream", f"{command[0]} ended with code {code}")
    return bytes(whole)


class CommandSource(Plain):
    """Runs a program and reads what it prints."""

    def __init__(self, name: str, config: Command) -> None:
        self._config = config
        self._threads = Threads(f"{name}-map", config.concurrency)

    async def collect(self, target: str | None, timeout: float) -> Result:
        """Run and read. See Source."""
        content = await output_of(
            self._config.command,
            environment=self._config.environment,
            most=self._config.max_output,
            exit_codes=self._config.exit_codes,
        )
        return await self._threads.run(lambda: read(self._config, content))


def read(config: Command, content: bytes) -> Result:
    """Samples of what a program printed.

    Raises:
        CollectError: it is not of the format.
    """
    builder = Builder(config.labels, config.max_series)
    text = content.decode("utf-8", "replace")
    if config.format == "prometheus":
        take_text(text, builder)
        return builder.result()
    try:
        document = json.loads(text) if config.format == "json" else float(text.strip()[:100])
    except (ValueError, RecursionError):
        raise CollectError("malformed", f"the output is no {config.format}") from None
    map_document(config.metrics, document, builder)
    return builder.result()


def take_text(text: str, builder: Builder) -> None:
    """Add what a text in Prometheus' or OpenMetrics' format says.

    Raises:
        CollectError: it is in neither.
    """
    parse = parse_openmetrics if text.rstrip().endswith("# EOF") else parse_text
    try:
        builder.take(parse(text))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, ArithmeticError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise CollectError("malformed", f"no Prometheus text: {reason}") from None
