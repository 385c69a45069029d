# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""obs.stack.release_mirror: collect release archives on the controller. No host is connected to."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._mirroring import ADDED, SUMS, Mirror
from ansible_collections.obs.stack.plugins.plugin_utils._options import checked_options
from ansible_collections.obs.stack.plugins.plugin_utils._payload import plain
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import ARGUMENT_SPEC as SERVICE
from ansible_collections.obs.stack.plugins.plugin_utils._tables import lay_out

FETCH = {key: option for key, option in SERVICE["fetch"]["options"].items() if key != "from"}
ARGUMENT_SPEC: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "releases": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "service": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "checksums_url": {"type": "str", "default": ""},
            "sha256": {"type": "dict", "default": {}},
            "arch_names": SERVICE["release"]["options"]["arch_names"],
        },
    },
    "architectures": {"type": "list", "elements": "str", "default": ["amd64", "arm64"]},
    "fetch": {"type": "dict", "options": FETCH, "apply_defaults": True},
}
HEADER = ("SERVICE", "VERSION", "ARCH", "SIZE", "STATE", "FILE")


class ActionModule(ActionBase):
    """Collects, writes SHA256SUMS, and tells what is there."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            options = checked_options(ARGUMENT_SPEC, plain(self._task.args), module="release_mirror")
        except StackError as error:
            result.update(failed=True, msg=str(error))
            return result
        folder = os.path.abspath(os.path.expanduser(options["path"]))
        try:
            mirror = Mirror(folder, options["fetch"], check_mode=self._task.check_mode)
            mirror.collect(options["releases"], options["architectures"])
            before, after = _lines(mirror.before), mirror.sums()
            changed = before != after or any(entry.state == ADDED for entry in mirror.entries)
            if before != after and not self._task.check_mode:
                mirror.write_sums()
        except OSError as error:
            refusal = StackError(
                f"Could not write the mirror {folder}",
                why=f"{error.filename or folder}: {error.strerror or error}",
                hint="Make it writable, or name another folder.",
                doc="mirror",
            )
            result.update(failed=True, msg=str(refusal))
            return result
        files = [entry._asdict() for entry in mirror.entries]
        result.update(changed=changed, path=folder, table=_table(files))
        result["warnings"] = list(result.get("warnings") or []) + mirror.warnings
        if self._task.diff:
            result["diff"] = [{"before": before, "after": after, "before_header": SUMS, "after_header": SUMS}]
        if mirror.failures:
            missing = StackError(
                "Could not collect {} of {} files".format(len(mirror.failures), len(files)),
                why="; ".join(dict.fromkeys(mirror.failures)),
                hint="The others are there. Run again when the cause is gone.",
                doc="mirror",
            )
            result.update(failed=True, msg=str(missing))
        else:
            result["files"] = files
        return result


def _lines(sums: dict[str, str]) -> str:
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums))


def _table(files: list[dict[str, Any]]) -> list[str]:
    rows = []
    for file in files:
        size = "{:.1f} MiB".format(file["size"] / (1 << 20)) if file["size"] >= 1 << 20 else str(file["size"] or "-")
        first = [str(file[key] or "-") for key in ("service", "version", "arch")]
        rows.append([*first, size, file["state"], file["path"]])
    return lay_out(HEADER, rows)
