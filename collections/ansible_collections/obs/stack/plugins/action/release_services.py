# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controller half of obs.stack.release_services. The work is in plugin_utils/_release_action.py."""

from __future__ import annotations

from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._input import bad
from ansible_collections.obs.stack.plugins.plugin_utils._options import checked_options
from ansible_collections.obs.stack.plugins.plugin_utils._release_action import ReleaseAction, failure
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import SERVICES_SPEC


class ActionModule(ReleaseAction):
    """Several services, one after the other, in one round trip."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        try:
            options = checked_options(SERVICES_SPEC, self._task.args, module="release_services")
            for one in options["services"]:
                if "mode" in one:
                    raise bad("Could not use mode of {}".format(one.get("name")), "all have the task's", "")
            common = {key: options[key] for key in ("deploy", "links")}
            services = [{**common, **one} for one in options["services"]]
            results, warnings = self._perform(options["mode"], services, task_vars)
        except StackError as error:
            result.update(failure(error))
            return result
        result["diff"] = [part for one in results for part in one.pop("diff", None) or []]
        result["results"] = results
        result["changed"] = any(one["changed"] for one in results)
        result["warnings"] = list(result.get("warnings") or []) + warnings
        failed = [one for one in results if one.get("failed")]
        for one in failed:
            result.update({key: one[key] for key in ("failed", "msg", "step", "service", "exception") if key in one})
        return result
