# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Commands that a service brings for moments of its own life (``data.before``, ``data.begin``, …)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ._errors import StackError
from ._generation import Generation
from ._layout import Layout
from ._sandbox import run_in_sandbox, sandbox_argv


def run_hook(
    layout: Layout, generation: Generation, which: str, argv: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Run a command of a generation as its account, with a network; it may write to the data folder.

    Raises:
        StackError: in the command's own words.
    """
    code, said = run_in_sandbox(
        sandbox_argv(
            layout,
            generation=layout.generation(generation.number),
            account=generation.manifest["account"],
            argv=["/usr/bin/env", *[f"{name}={value}" for name, value in environment.items()], *argv],
            network=True,
            writable=[generation.data_path] if generation.data_path else [],
        )
    )
    if code != 0:
        raise StackError(
            f"data.{which} of {layout.name} failed",
            why=said or f"{argv[0]} ended with status {code}",
            step="data",
            doc="data",
        )
