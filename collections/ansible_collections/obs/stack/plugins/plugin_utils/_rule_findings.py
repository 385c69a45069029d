# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What the rule lint says of the rule files that a service is handed, in words for who wrote them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ansible_collections.obs.stack.plugins.module_utils._rule_lint import findings, is_rules
from ansible_collections.obs.stack.plugins.plugin_utils._payload import YAML_SUFFIXES
from ansible_collections.obs.stack.plugins.plugin_utils._yaml import from_yaml


def rule_findings(payload: Mapping[str, Any], origins: Sequence[Mapping[str, str]]) -> list[str]:
    """What is to be mended in the rules of a service; those that ship have nothing.

    Args:
        payload: as ``build`` made it.
        origins: ``path``, ``variable`` and ``src`` of the entries behind its files.
    """
    found = []
    for item in payload.get("files") or []:
        if item["secret"] or not item["path"].endswith(YAML_SUFFIXES):
            continue
        try:
            document = from_yaml(base64.b64decode(item["content"]).decode())
        except (yaml.YAMLError, UnicodeDecodeError):
            continue  # a template, say: the checkers judge it
        if is_rules(document):
            where = "Rules {} of {}{}".format(item["path"], payload["name"], _origin(item["path"], origins))
            found += [f"{where}: {one}." for one in findings(document)]
    return found


def _origin(path: str, origins: Sequence[Mapping[str, str]]) -> str:
    """Where a file came from, " (source or variable)" of the nearest entry, or nothing."""
    behind = [one for one in origins if path == one["path"] or path.startswith(one["path"].rstrip("/") + "/")]
    nearest = max(behind, key=lambda one: len(one["path"]), default=None)
    told = (nearest["src"] or nearest["variable"]) if nearest else ""
    return f" ({told})" if told else ""
