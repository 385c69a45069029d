# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the roles' wiring. The work is in module_utils/_wiring.py, the documentation in <filter>.yml."""

from __future__ import annotations

import pathlib
import typing as t
from collections.abc import Sequence

from ansible_collections.obs.stack.plugins.module_utils import _web, _wiring
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


def rule_files(sources: Sequence[t.Any]) -> list[dict[str, str]]:
    """Place rule sources; a file that Prometheus would not load from its place is refused."""
    placed = _wiring.rule_files(sources)
    for item in placed:
        folder = pathlib.Path(item["src"])
        # Relative sources are found by the action plugin, which alone knows where to look.
        if folder.is_absolute() and folder.is_dir():
            _wiring.refuse_unloaded_rules(
                item, [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")) if file.is_file()]
            )
    return placed


class FilterModule:
    """Shapes that release_service takes."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "ec2_jobs": explained(_wiring.ec2_jobs),
            "file_sd_files": explained(_wiring.file_sd_files),
            "file_sd_jobs": explained(_wiring.file_sd_jobs),
            "pem_source": explained(_wiring.pem_source),
            "retention_size": explained(_wiring.retention_size),
            "rule_files": explained(rule_files),
            "template_files": explained(_wiring.template_files),
            "url_prefix": explained(_wiring.url_prefix),
            "web_access": explained(_web.web_access),
        }
