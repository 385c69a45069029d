# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of obs.stack.release_service, as the action plugin checks them.

A contract test holds them against the documentation in plugins/modules/release_service.py.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._deploy_option import DEPLOY

STRINGS: dict[str, Any] = {"type": "list", "elements": "str", "default": []}


def _files(on_change: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "path": {"type": "str", "required": True},
        "content": {"type": "raw"},
        "data": {"type": "raw"},
        "src": {"type": "path"},
        "mode": {"type": "str", "default": "0640"},
        "variable": {"type": "str", "default": ""},
    }
    if on_change:
        options["on_change"] = {"type": "str", "choices": ["reload", "restart", "none"]}
    return {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": options,
        "mutually_exclusive": [("content", "data", "src")],
        "required_one_of": [("content", "data", "src")],
    }


LINKS: dict[str, Any] = {
    "type": "dict",
    "options": {
        "grafana_url": {"type": "str", "default": ""},
        "runbook_url": {"type": "str", "default": ""},
    },
}

ARGUMENT_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "mode": {"type": "str", "choices": ["apply", "validate", "mirror"], "default": "apply"},
    "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
    "enabled": {"type": "bool", "default": True},
    "purge_data": {"type": "bool", "default": False},
    "root": {"type": "path", "default": "/opt/obs"},
    "release": {
        "type": "dict",
        "options": {
            "kind": {"type": "str", "choices": ["archive", "wheelhouse", "distribution"], "default": "archive"},
            "version": {"type": "str", "default": ""},
            "url": {"type": "str", "default": ""},
            "package": {"type": "str", "default": ""},
            "masked_units": STRINGS,
            "checksums_url": {"type": "str", "default": ""},
            "sha256": {"type": "dict", "default": {}},
            "arch_names": {"type": "dict", "default": {"x86_64": "amd64", "aarch64": "arm64"}},
            "binaries": {"type": "dict", "required": True},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "version_argv": {"type": "list", "elements": "str", "default": ["--version"]},
            "additions": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "str", "required": True},
                    "url": {"type": "str", "required": True},
                    "sha256": {"type": "dict", "required": True},
                    "members": STRINGS,
                },
            },
        },
    },
    "fetch": {
        "type": "dict",
        "options": {
            "from": {"type": "str", "choices": ["controller", "host"], "default": "controller"},
            "mirror": {"type": "str", "default": ""},
            "proxy": {"type": "str", "default": ""},
            "ca_path": {"type": "str", "default": ""},
            "headers": {"type": "dict", "default": {}, "no_log": True},
            "timeout": {"type": "int", "default": 60},
            "cache_dir": {"type": "str", "default": ""},
        },
        "apply_defaults": True,
    },
    "account": {
        "type": "dict",
        "options": {
            "user": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "groups": STRINGS,
        },
    },
    "command": STRINGS,
    "environment": {"type": "dict", "default": {}},
    "files": _files(on_change=True),
    "secrets": _files(on_change=True),
    "live": _files(on_change=False),
    "data": {
        "type": "dict",
        "options": {
            "path": {"type": "str", "default": ""},
            "mode": {"type": "str", "default": "0750"},
            "flag": {"type": "str", "default": ""},
            "before": STRINGS,
            "restore": STRINGS,
            "begin": STRINGS,
            "hand_over": STRINGS,
            "finish": STRINGS,
            "periods": {"type": "list", "elements": "dict", "default": []},
            "no_return": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "at_least": {"type": "str", "default": ""},
                    "less_than": {"type": "str", "default": ""},
                    "below": {"type": "str", "required": True},
                    "reason": {"type": "str", "default": ""},
                },
            },
        },
    },
    "unit": {
        "type": "dict",
        "options": {
            "description": {"type": "str", "default": ""},
            "documentation": STRINGS,
            "after": STRINGS,
            "wants": STRINGS,
            "sandbox": {"type": "dict", "default": {}},
            "limits": {"type": "dict", "default": {}},
            "stop_timeout": {"type": "int", "default": 90},
        },
        "apply_defaults": True,
    },
    "checks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "argv": {"type": "list", "elements": "str", "required": True},
        },
    },
    "questions": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "argv": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 30},
            "hint": {"type": "str", "default": ""},
        },
    },
    "reload": {
        "type": "dict",
        "options": {
            "signal": {"type": "str", "default": "HUP"},
            "timeout": {"type": "int", "default": 120},
            "proof": {
                "type": "dict",
                "options": {
                    "path": {"type": "str", "default": "/metrics"},
                    "success": {"type": "str", "default": ""},
                    "timestamp": {"type": "str", "required": True},
                },
            },
        },
    },
    "probe": {
        "type": "dict",
        "options": {
            "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
            "address": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "required": True},
            "path": {"type": "str", "default": "/"},
            "status": {"type": "list", "elements": "int", "default": [200]},
            "ca_path": {"type": "str", "default": ""},
            "server_name": {"type": "str", "default": ""},
            "username": {"type": "str", "default": ""},
            "password_file": {"type": "str", "default": "", "no_log": False},
            "client_cert": {"type": "str", "default": ""},
            "client_key": {"type": "str", "default": "", "no_log": False},
            "validate_certs": {"type": "bool", "default": True},
        },
    },
    "ready_timeout": {"type": "int", "default": 300},
    "settle": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "json": {"type": "str", "default": ""},
            "count": {"type": "bool", "default": False},
            "metric": {"type": "str", "default": ""},
            "at_least": {"type": "str"},
            "equals": {"type": "str"},
        },
        "required_one_of": [("at_least", "equals")],
    },
    "settle_timeout": {"type": "int", "default": 120},
    "settle_seconds": {"type": "int", "default": 0},
    "keep_generations": {"type": "int", "default": 5},
    "adopt": {"type": "bool", "default": False},
    "former_units": STRINGS,
    "former_paths": STRINGS,
    "replaces": STRINGS,
    "lock_timeout": {"type": "int", "default": 60},
    "deploy": DEPLOY,
    "links": LINKS,
}

REQUIRED_IF = [
    ("state", "started", ("release", "account", "command"), False),
    ("state", "stopped", ("release", "account", "command"), False),
]

SERVICES_SPEC: dict[str, Any] = {
    "mode": ARGUMENT_SPEC["mode"],
    "services": {"type": "list", "elements": "dict", "required": True},
    "deploy": DEPLOY,
    "links": LINKS,
}
"""Options of release_services. Each service is checked by ARGUMENT_SPEC."""
