# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.slo_rules: reads SLOs, makes rules of them, and hands those to the host."""

from __future__ import annotations

import base64
import json
import re
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._rule_server import check
from ansible_collections.obs.stack.plugins.module_utils._slo_read import refuse
from ansible_collections.obs.stack.plugins.plugin_utils._options import checked_options
from ansible_collections.obs.stack.plugins.plugin_utils._payload import plain
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import LINKS
from ansible_collections.obs.stack.plugins.plugin_utils._slo_sources import Made, documents_of, make

HOST_HALF = "obs.stack.slo_rules_apply"
# What the host half takes as it is given.
HOST_OPTIONS: dict[str, Any] = {
    "dest": {"type": "path", "default": "/etc/obs/prometheus/rules.d"},
    "ruleset": {"type": "str", "default": ""},
    "purge": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": ""},
    "group": {"type": "str", "default": ""},
    "mode": {"type": "raw", "default": "0644"},
    "promtool": {"type": "path", "default": ""},
    "validate": {"type": "bool", "default": True},
    "reload": {"type": "str", "choices": ["signal", "http", "none"], "default": "signal"},
    "service": {"type": "str", "default": "prometheus"},
    "root": {"type": "path", "default": "/opt/obs"},
    "prometheus_url": {"type": "str", "default": ""},
    "url_username": {"type": "str", "default": ""},
    "url_password": {"type": "str", "default": "", "no_log": True},
    "ca_path": {"type": "path", "default": ""},
    "validate_certs": {"type": "bool", "default": True},
    "healthy_timeout": {"type": "int", "default": 60},
    "lock_timeout": {"type": "int", "default": 600},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "src": {"type": "list", "elements": "path"},
    "slos": {"type": "list", "elements": "dict"},
    "service_windows": {"type": "list", "elements": "raw"},
    "period": {"type": "str", "default": "30d"},
    "labels": {"type": "dict", "default": {}},
    "info_labels": {"type": "dict", "default": {}},
    "error_budget": {"type": "str", "choices": ["ratio", "weighted"]},
    "alerts": {"type": "str", "choices": ["combined", "per_window"]},
    "long_windows": {"type": "str", "choices": ["direct", "recorded"]},
    "guards": {"type": "bool"},
    "min_bad_events": {"type": "int"},
    "min_history": {"type": "raw"},
    "no_data": {"type": "raw"},
    "budget_exhausted": {"type": "bool"},
    "exclude": {"type": "str"},
    "retention": {"type": "str"},
    "scrape_interval": {"type": "str", "default": "15s"},
    "strict": {"type": "bool", "default": False},
    "render_only": {"type": "bool", "default": False},
    "links": LINKS,
    **HOST_OPTIONS,
}
_EMPTY = "With slos: [] and purge: true all rules of a set go."
RULESET = re.compile(r"[a-z][a-z0-9_-]{0,40}")


def findings_of(made: Made) -> list[str]:
    """What the lint found, in words."""
    return [str(one) for one in made.findings]


def check_here(files: dict[str, str]) -> bool:
    """Have rules checked by promtool on the controller, where it has one; whether it has.

    Raises:
        StackError: in promtool's own words.
    """
    promtool = shutil.which("promtool")
    if promtool and files:
        with tempfile.TemporaryDirectory(prefix="obs-slo-") as folder:
            paths = [Path(folder, name) for name in sorted(files)]
            for path in paths:
                path.write_text(files[path.name], encoding="utf-8")
            check([promtool, "check", "rules"], map(str, paths), folder=folder, dest="the rules folder")
    return bool(promtool)


class ActionModule(ActionBase):
    """One call to the host; what is wrong with the SLOs is said before it."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            options = checked_options(ARGUMENT_SPEC, plain(self._task.args), module="slo_rules")
            result.update(self._apply(options, task_vars))
        except StackError as error:
            result.update(failed=True, msg=str(error), step=error.step)
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        result.pop("invocation", None)
        return result

    def _apply(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        if options["src"] is None and options["slos"] is None:
            raise refuse("the task", "it has neither src nor slos", _EMPTY)
        if options["ruleset"] and not RULESET.fullmatch(options["ruleset"]):
            raise refuse("ruleset", "{!r} is not of the form [a-z][a-z0-9_-]*".format(options["ruleset"]))
        made = make(documents_of(options, self._find), options)
        if options["src"] and not made.files:
            raise refuse(", ".join(options["src"]), "there is no SLO in it", _EMPTY)
        told = {"slos": made.slos, "files": sorted(made.files)}
        if options["render_only"]:
            checked = check_here(made.files)
            return {"changed": False, "validated": True, "checked": checked, "warnings": findings_of(made), **told}
        wish = {key: options[key] for key in HOST_OPTIONS} | {"buckets": made.buckets}
        packed = json.dumps({"options": wish, "files": made.files}).encode()
        # Rules repeat themselves: a hundredth crosses.
        payload = base64.b64encode(zlib.compress(packed, 1)).decode("ascii")
        answer: dict[str, Any] = self._execute_module(
            module_name=HOST_HALF,
            module_args={"dest": options["dest"], "payload": payload},
            task_vars=task_vars,
        )
        answer["warnings"] = findings_of(made) + list(answer.get("warnings") or [])
        if not answer.get("failed"):
            answer.update(told)
        return answer

    def _find(self, path: str) -> str:
        try:
            return str(self._find_needle("files", path))
        except Exception as error:  # each Ansible release raises another class for "not found"
            raise refuse(path, str(error).splitlines()[0], "Paths are of the controller.") from error
