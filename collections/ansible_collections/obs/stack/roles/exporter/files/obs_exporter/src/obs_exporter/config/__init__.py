# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration: its model, its reader, its JSON Schema."""

from __future__ import annotations

from obs_exporter.config.load import ConfigError, Problem, parse, read
from obs_exporter.config.model import Config

__all__ = ["Config", "ConfigError", "Problem", "parse", "read"]
