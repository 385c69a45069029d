# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the roles' wiring. The work is in module_utils/_wiring.py, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _wiring
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


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
            "rule_files": explained(_wiring.rule_files),
            "template_files": explained(_wiring.template_files),
            "url_prefix": explained(_wiring.url_prefix),
            "web_access": explained(_wiring.web_access),
        }
