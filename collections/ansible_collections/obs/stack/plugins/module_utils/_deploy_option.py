# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The option ``deploy`` of what changes services; documented in doc_fragments/deploy.py."""

from __future__ import annotations

from typing import Any

DEPLOY: dict[str, Any] = {
    "type": "dict",
    "options": {
        "host": {"type": "str", "default": ""},
        "alertmanagers": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "url": {"type": "str", "required": True},
                "service": {"type": "str", "default": ""},
                "ca": {"type": "str", "default": ""},
                "username": {"type": "str", "default": ""},
                "password": {"type": "str", "default": "", "no_log": True},
                "bearer_token": {"type": "str", "default": "", "no_log": True},
                "certificate": {"type": "str", "default": ""},
                "private_key": {"type": "str", "default": "", "no_log": True},
            },
        },
        "silences": {"type": "dict", "default": {}},
    },
}
