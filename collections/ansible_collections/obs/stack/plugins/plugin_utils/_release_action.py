# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Controller half of release_service and release_services: read sources, fetch once, verify, hand over."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.obs.stack.plugins.module_utils._delivery import same_origin_warning
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseForHost
from ansible_collections.obs.stack.plugins.plugin_utils._commit import commit_of
from ansible_collections.obs.stack.plugins.plugin_utils._deploy_notes import note
from ansible_collections.obs.stack.plugins.plugin_utils._options import checked_options
from ansible_collections.obs.stack.plugins.plugin_utils._payload import build
from ansible_collections.obs.stack.plugins.plugin_utils._preload import preload_filters
from ansible_collections.obs.stack.plugins.plugin_utils._release import archive_at, archive_of, with_sha256
from ansible_collections.obs.stack.plugins.plugin_utils._rule_findings import rule_findings
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import ARGUMENT_SPEC, REQUIRED_IF
from ansible_collections.obs.stack.plugins.plugin_utils._validation import validate

HOST_HALF = "obs.stack.release_service_apply"
PACKAGE_ACTION = "ansible.builtin.package"

display = Display()

preload_filters()


class ReleaseAction(ActionBase):
    """One round trip when nothing is to do, for however many services; one more for each archive a host asks for.

    With mode validate or mirror there is none: the host is not even connected to.
    """

    # The temporary folder is made only when there is an archive to carry: without it, one call to the host is enough.
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def _perform(
        self, mode: str, wanted: Sequence[Mapping[str, Any]], task_vars: Any
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """Do it for one service after the other, up to the first that fails.

        Args:
            mode: apply, validate or mirror.
            wanted: options of release_service, one dictionary for each service.
            task_vars: of the task.

        Returns:
            What came of each, with ``service``, and warnings.

        Raises:
            StackError: the options of a service are wrong; nothing was done for any of them.
        """
        options = [self._options(one) for one in wanted]
        payloads, warnings = [], []
        for one in options:
            payload, more = build(one, find=self._find)
            payloads.append(payload)
            warnings += more
        if mode == "apply":
            commit = commit_of(str((task_vars or {}).get(name) or "") for name in ("inventory_dir", "playbook_dir"))
            for payload in payloads:
                payload["deploy"]["commit"] = commit
            results, more = self._apply(payloads, task_vars)
            if not self._task.check_mode:
                for payload, result in zip(payloads, results):
                    note(str((task_vars or {}).get("inventory_hostname")), payload["name"], result, commit)
        elif mode == "validate":
            results, more = self._validate(options, payloads, task_vars)
        else:
            results, more = [_needed(payload.get("release") or {}) for payload in payloads], []
        for payload, result in zip(payloads, results):
            result["service"] = payload["name"]
            result.setdefault("changed", False)
        return results, warnings + more

    def _apply(self, payloads: list[dict[str, Any]], task_vars: Any) -> tuple[list[dict[str, Any]], list[str]]:
        """Make it so on the host."""
        results: list[dict[str, Any]] = []
        warnings: list[str] = []
        left = payloads
        try:
            while True:
                answer = self._host_half(left, task_vars)
                # A service is told of again when it is asked again.
                warnings += [one for one in answer.get("warnings") or [] if one not in warnings]
                answers = answer.get("results")
                if not answers:  # the module itself ended in another way than its own
                    results.append(answer)
                    break
                *done, last = answers
                results += done
                left = left[len(done) :]  # from the last one that was asked about
                need = last.pop("need_release", None)
                if not need or self._task.check_mode or last.get("failed"):
                    results.append(last)
                    break
                try:
                    warnings += self._see_to(left[0], need, task_vars)
                except StackError as error:
                    results.append(failure(error))
                    break
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        for payload, result in zip(payloads, results):
            result.pop("invocation", None)
            if payload.get("packaged"):
                result["changed"] = True  # the installation is a change, whatever else is
        return results, warnings

    def _validate(
        self, wanted: list[dict[str, Any]], payloads: list[dict[str, Any]], task_vars: Any
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """Judge it on the controller."""
        host = str((task_vars or {}).get("inventory_hostname") or "the host")
        results: list[dict[str, Any]] = []
        warnings: list[str] = []
        for options, payload in zip(wanted, payloads):
            origins = [
                {key: str(item.get(key) or "") for key in ("path", "variable", "src")}
                for item in options["files"] + options["secrets"]
            ]
            try:
                result, more = validate(payload, origins, host=host, scratch=C.DEFAULT_LOCAL_TMP)
            except StackError as error:
                return [*results, failure(error)], warnings
            results.append({**result, "rule_findings": rule_findings(payload, origins)})
            warnings += more
        return results, warnings

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = str(given.get("name", "a service"))
        return checked_options(ARGUMENT_SPEC, given, module="release_service", thing=name, required_if=REQUIRED_IF)

    def _find(self, source: str) -> str:
        return str(self._find_needle("files", source))

    def _host_half(self, payloads: list[dict[str, Any]], task_vars: Any) -> dict[str, Any]:
        # One opaque argument: nothing of it reaches the host's journal or -vvv in clear, whatever its shape.
        packed = base64.b64encode(json.dumps(payloads).encode()).decode("ascii")
        name = ", ".join(payload["name"] for payload in payloads)
        answer: dict[str, Any] = self._execute_module(
            module_name=HOST_HALF, module_args={"name": name, "payload": packed}, task_vars=task_vars
        )
        return answer

    def _see_to(self, payload: dict[str, Any], need: Mapping[str, Any], task_vars: Any) -> list[str]:
        """Bring the host what it asked for, and note that in the payload; returns warnings."""
        if need.get("package"):
            self._install(payload["name"], str(need["package"]), task_vars)
            payload["packaged"] = True
            return []
        payload["archive"], warnings = self._bring(payload, dict(need))
        return warnings

    def _install(self, name: str, package: str, task_vars: Any) -> None:
        """Have the host's package manager install a package, by ansible.builtin.package.

        The index is asked for anew only where the package cannot be had without: a host may have none of its own.

        Raises:
            StackError: in the package manager's words.
        """
        said = ""
        for more in ({}, {"update_cache": True}):
            task = self._task.copy()
            task.args = {"name": package, "state": "present", **more}
            action = self._shared_loader_obj.action_loader.get(
                PACKAGE_ACTION,
                task=task,
                connection=self._connection,
                play_context=self._play_context,
                loader=self._loader,
                templar=self._templar,
                shared_loader_obj=self._shared_loader_obj,
            )
            try:
                answer = action.run(task_vars=task_vars)
            except AnsibleActionFail as error:
                answer = {"failed": True, "msg": str(error)}
            if not answer.get("failed"):
                return
            said = str(answer.get("msg") or answer.get("stderr") or "no word")
        raise StackError(
            f"Could not install package {package} for {name}",
            why=" ".join(said.split())[:500],
            hint="Install it on the host by hand, or mend its package sources; then run again.",
            step="stage",
            doc="distribution",
        )

    def _bring(self, payload: dict[str, Any], need: dict[str, Any]) -> tuple[Any, list[str]]:
        """Fetch the archive the host asked for into the controller's cache, and transfer it; its path, and warnings."""
        how, version = payload["fetch"], payload["release"]["version"]
        release, same_origin = with_sha256(
            ReleaseForHost(
                kind=payload["release"]["kind"],
                version=version,
                arch=need["arch"],
                url=need["url"],
                checksums_url=need["checksums_url"],
                sha256=need["sha256"],
                binaries={},
            ),
            how,
        )
        payload["release"]["sha256"][release.arch] = release.sha256
        display.vv("fetching {}".format(need["url"]))
        archive = archive_of(release, how)
        more = {one["sha256"]: archive_at(one["url"], one["sha256"], how) for one in need.get("additions") or []}
        remote = self._hand_over(archive.path, os.path.basename(release.url))
        payload["additions"] = {
            sha256: self._hand_over(found.path, f"addition-{sha256[:16]}") for sha256, found in more.items()
        }
        return remote, [same_origin_warning(payload["name"], version)] if same_origin else []

    def _hand_over(self, path: str, name: str) -> str:
        """Transfer a file into the task's temporary folder on the host; its path there."""
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        remote = str(self._connection._shell.join_path(self._connection._shell.tmpdir, name))
        try:
            self._transfer_file(path, remote)
            self._fixup_perms2((self._connection._shell.tmpdir, remote))
        except AnsibleActionFail as error:
            raise StackError(
                f"Could not hand {name} over to the host", why=str(error), step="stage", doc="fetch"
            ) from error
        return remote


def failure(error: StackError) -> dict[str, Any]:
    """A refusal as the result of a task."""
    return {"failed": True, "msg": str(error), "step": error.step}


def _needed(release: dict[str, Any]) -> dict[str, Any]:
    """What mode mirror tells: as much of a release as finding its archives takes, nothing where there is none.

    State absent needs no release, and a package comes from the distribution's own mirror.
    """
    if release.get("kind") == "distribution":
        release = {}
    keys = ("version", "url", "checksums_url", "sha256", "arch_names", "additions") if release else ()
    return {"release": {key: release[key] for key in keys}, "version": release.get("version", "")}
