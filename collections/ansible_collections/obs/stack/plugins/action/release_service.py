# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.release_service: read sources, fetch once, verify, hand over."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.obs.stack.plugins.module_utils._checksums import find as find_checksum
from ansible_collections.obs.stack.plugins.module_utils._delivery import fetch_options, same_origin_warning
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._fetch import fetch, fetch_text
from ansible_collections.obs.stack.plugins.plugin_utils._payload import build
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import ARGUMENT_SPEC, REQUIRED_IF

HOST_HALF = "obs.stack.release_service_apply"
CACHE = "~/.cache/obs-stack/artifacts"

display = Display()


class ActionModule(ActionBase):
    """One round trip when nothing is to do; a second one carries an archive the host asked for."""

    # The temporary folder is made only when there is an archive to carry: without it, one call to the host is enough.
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            options = self._options()
            payload, warnings = build(options, find=self._find)
            answer = self._host_half(payload, task_vars)
            need = answer.get("need_release")
            if need and not self._task.check_mode and not answer.get("failed"):
                archive, more = self._bring(options, payload, need)
                warnings += more
                payload["archive"] = archive
                answer = self._host_half(payload, task_vars)
        except StackError as error:
            result.update(failed=True, msg=str(error), step=error.step)
            return result
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        answer.pop("need_release", None)
        answer.pop("invocation", None)
        result.update(answer, service=options["name"])
        result["warnings"] = list(result.get("warnings") or []) + warnings
        return result

    def _options(self) -> dict[str, Any]:
        validator = ArgumentSpecValidator(ARGUMENT_SPEC, required_if=REQUIRED_IF)
        checked = validator.validate(dict(self._task.args))
        if checked.error_messages:
            name = self._task.args.get("name", "a service")
            raise StackError(
                f"Could not use the options of {name}",
                why="; ".join(checked.error_messages),
                hint="Compare them with 'ansible-doc obs.stack.release_service'.",
                step="input",
                doc="input",
            )
        options: dict[str, Any] = checked.validated_parameters
        return options

    def _find(self, source: str) -> str:
        return str(self._find_needle("files", source))

    def _host_half(self, payload: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        # One opaque argument: nothing of it reaches the host's journal or -vvv in clear, whatever its shape.
        packed = base64.b64encode(json.dumps(payload).encode()).decode("ascii")
        answer: dict[str, Any] = self._execute_module(
            module_name=HOST_HALF, module_args={"name": payload["name"], "payload": packed}, task_vars=task_vars
        )
        return answer

    def _bring(self, options: dict[str, Any], payload: dict[str, Any], need: dict[str, str]) -> Any:
        """Fetch the archive the host asked for into the controller's cache, and transfer it."""
        how = fetch_options(options["fetch"])
        warnings: list[str] = []
        name = os.path.basename(need["url"])
        sha256 = need["sha256"]
        if not sha256:
            sha256 = find_checksum(fetch_text(need["checksums_url"], **how), name)
            payload["release"]["sha256"][need["arch"]] = sha256
            warnings.append(same_origin_warning(options["name"], payload["release"]["version"]))
        display.vv("fetching {}".format(need["url"]))
        cache = os.path.expanduser(options["fetch"]["cache_dir"] or os.environ.get("OBS_ARTIFACT_CACHE") or CACHE)
        archive = fetch(need["url"], cache, sha256=sha256, **how)
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        remote = self._connection._shell.join_path(self._connection._shell.tmpdir, name)
        try:
            self._transfer_file(archive.path, remote)
            self._fixup_perms2((self._connection._shell.tmpdir, remote))
        except AnsibleActionFail as error:
            raise StackError(
                f"Could not hand {name} over to the host", why=str(error), step="stage", doc="fetch"
            ) from error
        return remote, warnings
