# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Ask what a service needs elsewhere (its bucket, its database) whether it answers, before anything changes.

Checkers have no network, so that they judge the configuration alone. What needs the network is asked here, after them:
by the new release, from this host, as the service's account, with the service's environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ._errors import StackError
from ._generation import Generation
from ._layout import Layout
from ._sandbox import run_in_sandbox, sandbox_argv

QUOTED_LINES = 3
TIMED_OUT = 124
"""What timeout(1) ends with."""


def question_argv(layout: Layout, question: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """The command of a question, given up after its time. Pure."""
    argv = list(question["argv"])
    if not argv[0].startswith("/"):
        argv[0] = os.path.join(layout.current, "release/bin", argv[0])
    variables = [f"{name}={value}" for name, value in environment.items()]
    return ["/usr/bin/env", *variables, "/usr/bin/timeout", "--kill-after=2", str(question["timeout"]), *argv]


def first_words(said: str) -> str:
    """What a program said went wrong: the errors of its log where it keeps one (logfmt), else its last lines. Pure."""
    errors = []
    for line in said.splitlines():
        if not re.search(r"\blevel=(error|fatal|panic)\b", line):
            continue
        found = re.search(r'\berr(?:or)?="((?:[^"\\]|\\.)*)"', line) or re.search(r"\berr(?:or)?=(\S+)", line)
        if found:
            # The rest is where in the program it happened, unless the first line only announces it.
            parts = [part.strip() for part in found.group(1).replace('\\"', '"').split("\\n")]
            errors.append(" ".join(parts[: 2 if parts[0].endswith(":") else 1]))
    lines = errors or [line.strip() for line in said.splitlines() if line.strip()]
    return " | ".join(lines[-QUOTED_LINES:])[:600] or "no word"


def ask_questions(
    layout: Layout,
    generation: Generation,
    folder: str,
    *,
    questions: Sequence[Mapping[str, Any]],
    environment: Mapping[str, str],
    unchanged: str,
    live: str = "",
    adopted_etc: bool = False,
) -> None:
    """Ask every question with the new generation in its place.

    Args:
        folder: where the generation's content is now; it is bound over the path it will have.
        questions: ``name`` of what is asked, ``argv``, ``timeout`` in seconds, ``hint``.
        environment: the service's environment.
        unchanged: what runs on, for the error.
        live: staged live files to bind over the present ones, or "".
        adopted_etc: /etc/<name> is still a folder of another installation.

    Raises:
        StackError: something does not answer, or not as it should, in the words of who asked.
    """
    for question in questions:
        argv = question_argv(layout, question, environment)
        code, said = run_in_sandbox(
            sandbox_argv(
                layout,
                generation=folder,
                account=generation.manifest["account"],
                argv=argv,
                live=live,
                adopted_etc=adopted_etc,
                network=True,
            )
        )
        if code == 0:
            continue
        why = first_words(said)
        if code == TIMED_OUT:
            why = "no answer within {} s; {}".format(question["timeout"], why)
        raise StackError(
            "Could not reach {} for {} {}".format(question["name"], layout.name, generation.version),
            why=why,
            hint=f"{unchanged} {question.get('hint') or ''}".strip(),
            step="question",
            doc="question",
        )
