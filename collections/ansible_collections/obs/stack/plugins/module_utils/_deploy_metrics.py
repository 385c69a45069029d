# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a run tells node_exporter of itself: when a service was deployed, and that it could not be.

A text file per service, without HELP and TYPE: others may write the same metrics, and those lines would have to
be equal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from ._files import place_file, remove_file
from ._layout import Layout

DIGITS = 12
"""Of the digest of a generation, enough to tell two of them apart."""

FOLDER = "/var/lib/node_exporter"
DEPLOYED, FAILED = "deploy_timestamp_seconds", "deploy_failed"


def sample(metric: str, labels: Mapping[str, Any], value: float) -> str:
    """A line of a text file, without the labels that are empty."""
    named = {key: str(text) for key, text in labels.items() if str(text)}
    inside = ",".join('{}="{}"'.format(key, _escaped(text)) for key, text in named.items())
    return f"{metric}{{{inside}}} {value:.0f}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def lines_after(
    before: str,
    service: str,
    result: Mapping[str, Any],
    *,
    runs: str,
    wanted: str,
    now: float,
    digest: str = "",
    commit: str = "",
) -> str:
    """The text file after a run.

    Args:
        before: the file as it was, "" where there was none.
        service: whose it is.
        result: what came of it, as the module returns it.
        runs: version that runs after the run.
        wanted: version that was asked for.
        now: seconds since 1970.
        digest: of the generation that runs, so that a change of the configuration alone is another deploy.
        commit: of the repository that it was made of, "" where there is none.

    Returns:
        Its new content: the last deploy stays known while a later one fails, and a success ends the failure.
    """
    deployed = "".join(line + "\n" for line in before.splitlines() if line.startswith(DEPLOYED))
    if result.get("failed"):
        labels = {"service": service, "step": result.get("step") or "plan", "from": runs or "(none)", "to": wanted}
        return deployed + sample(FAILED, labels, 1)
    new = result.get("to") or {}
    if result.get("changed") and new and new != (result.get("from") or {}):
        labels = {
            "service": service,
            "version": new.get("version", wanted),
            "generation": new.get("generation", ""),
            "digest": digest[:DIGITS],
            "commit": commit,
        }
        return sample(DEPLOYED, labels, now)
    return deployed


def record(
    root: str,
    service: str,
    result: Mapping[str, Any],
    *,
    wanted: str,
    state: str,
    commit: str = "",
    folder: str | None = None,
) -> str:
    """Write the text file of a service, where node_exporter has its folder.

    Args:
        root: below which services are installed.
        service: its name.
        result: what came of it, as the module returns it.
        wanted: version that was asked for.
        state: state that was asked for; one that is absent has no file.
        commit: of the repository that it was made of, "" where there is none.
        folder: node_exporter's folder, FOLDER unless given.

    Returns:
        What to warn of, or "": a deploy does not fail for want of its metric.
    """
    path = os.path.join(folder or FOLDER, f"obs_deploy_{service}.prom")
    if result.get("need_release") or not os.path.isdir(os.path.dirname(path)):
        return ""
    try:
        if state == "absent" and not result.get("failed"):
            remove_file(path)
            return ""
        before = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as handle:
                before = handle.read()
        runs, digest = _running(root, service)
        after = lines_after(
            before, service, result, runs=runs, wanted=wanted, now=time.time(), digest=digest, commit=commit
        )
        if not after:
            remove_file(path)
        elif after != before:
            # Others may write to that folder.
            place_file(path, after.encode(), mode=0o644)
    except (OSError, ValueError) as error:
        return f"Could not tell node_exporter of the deploy of {service} in {path}: {error}."
    return ""


def _running(root: str, service: str) -> tuple[str, str]:
    """Version and digest of the generation that runs, "" where none does."""
    from ._errors import StackError
    from ._stage import load_generation

    layout = Layout(root=root, name=service)
    number = layout.current_number()
    try:
        found = load_generation(layout, number) if number else None
    except StackError:
        found = None
    return (found.version, found.digest) if found else ("", "")
