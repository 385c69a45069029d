# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.dependency_check: looks at its own clock before and after the host answers."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.module_utils import _judgements
from ansible_collections.obs.stack.plugins.module_utils._findings import WRONG


class ActionModule(ActionBase):
    """One call to the host. Its clock is judged here."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            asked = time.time()
            answer = self._execute_module(task_vars=task_vars)
            answered = time.time()
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        result.update(answer)
        if "clock" in result:
            times = result["clock"]
            bounds = _judgements.offset(asked, answered, times["began"], times["ended"])
            wrong = self._judge(result["findings"], bounds, times["synchronised"])
            if wrong and boolean(self._task.args.get("fail", True)) and not result.get("failed"):
                result.update(failed=True, msg="Could not find all it depends on: {0}.".format("; ".join(wrong)))
        return result

    def _judge(self, findings: list[dict[str, Any]], bounds: tuple[float, float], kept: bool | None) -> list[str]:
        """Fill in the findings about the clock; gives those that are wrong."""
        wrong = []
        for check, finding in zip(self._task.args["checks"], findings):
            if check["kind"] != "clock":
                continue
            state, detail = _judgements.clock(bounds, kept, float(check["warn"]), float(check["fail"]))
            finding.update(state=state, detail=detail, seconds=-1.0)
            if state == WRONG:
                wrong.append("{0} {1}: {2}".format(finding["check"], finding["target"], detail))
        return wrong
