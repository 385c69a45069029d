# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Ask a new release itself, and the vendor's checkers, about a whole generation before anything changes."""

from __future__ import annotations

from ._errors import StackError
from ._generation import Generation
from ._layout import Layout
from ._sandbox import run_in_sandbox, sandbox_argv

QUOTED_LINES = 6


def check_generation(
    layout: Layout,
    generation: Generation,
    folder: str,
    *,
    title: str,
    unchanged: str,
    live: str = "",
    adopted_etc: bool = False,
) -> None:
    """Run the release's own version answer, then every checker, as the service's account without a network.

    Args:
        folder: where the generation's content is now; it is bound over the path it will have.
        title: what could not be done, for the error.
        unchanged: what runs on, for the error.
        live: staged live files to bind over the present ones, or "".
        adopted_etc: /etc/<name> is still a folder of another installation.

    Raises:
        StackError: in the checker's own words.
    """
    manifest = generation.manifest

    def ask(name: str, argv: list[str], expect: str = "") -> None:
        code, said = run_in_sandbox(
            sandbox_argv(
                layout,
                generation=folder,
                account=manifest["account"],
                argv=argv,
                live=live,
                adopted_etc=adopted_etc,
            )
        )
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        if code != 0:
            words = " | ".join(lines[-QUOTED_LINES:]) or "no word"
            raise StackError(
                title, why=f"{name} refuses (status {code}): {words}", hint=unchanged, step="check", doc="check"
            )
        if expect not in said:
            raise StackError(
                title,
                why="{} says {!r}, wanted version {}".format(name, lines[0] if lines else "nothing", expect),
                hint=unchanged,
                step="check",
                doc="check",
            )

    version_argv = list(manifest["release"]["version_argv"])
    # A package's program has told its version when it was taken up, and may be another one since.
    if version_argv and manifest["release"].get("kind") != "distribution":
        binary = manifest["argv"][0]
        ask(" ".join([binary] + version_argv), [binary] + version_argv, expect=generation.version)
    for check in manifest["checks"]:
        ask(check["name"], list(check["argv"]))
