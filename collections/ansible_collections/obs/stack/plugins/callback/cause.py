# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cause
type: aggregate
short_description: Say at the end of a failed run why, one line for each cause
version_added: "0.1.0"
description:
  - After the recap of a run that failed, prints one line for each cause to the standard error. It holds the hosts it
    struck and the first line of what failed there, V(Cause:) before them. Of M(ansible.builtin.assert) and
    M(ansible.builtin.fail) each line is a cause; where they run once for all, no host is named.
  - Failures that were rescued or ignored are left out. What Ansible masks stays masked.
  - A run that does not fail prints nothing.
author:
  - obs.stack contributors (@obs-stack)
requirements:
  - enabled in C(ansible.cfg), C(callbacks_enabled = obs.stack.cause) below C([defaults])
"""

EXAMPLES = r"""
# Cause: app-1, app-2: could not be reached: ssh: connect to host 10.0.1.21 port 22: Connection refused
# Cause: obs-a: Could not check the configuration of prometheus 3.13.5: unknown field "globl".
"""

import typing as t

from ansible import constants as C
from ansible.plugins.callback import CallbackBase

from ansible_collections.obs.stack.plugins.plugin_utils._causes import Failure, causes_of, report
from ansible_collections.obs.stack.plugins.plugin_utils._preload import preload_filters

# Actions by which a playbook judges: each line of theirs is a cause of its own.
JUDGING = frozenset(
    f"{prefix}{name}" for prefix in ("", "ansible.builtin.", "ansible.legacy.") for name in ("assert", "fail")
)


class CallbackModule(CallbackBase):
    """Collects failures and tells them at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "obs.stack.cause"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._failures: dict[str, list[Failure]] = {}

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        """Of no use to causes: here is where the process that forks all tasks passes first."""
        preload_filters()

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """Note a failed task; what is ignored is no cause."""
        if not ignore_errors:
            self._note(result, unreachable=False)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Note a host that could not be asked."""
        if not result.task.ignore_unreachable:
            self._note(result, unreachable=True)

    def _note(self, result: t.Any, *, unreachable: bool) -> None:
        task = result.task
        judged = task.action in JUDGING
        causes = causes_of(result.result, task.get_name(), unreachable=unreachable, judged=judged)
        failure = Failure(causes, once=bool(task.run_once) and judged)
        self._failures.setdefault(result.host.get_name(), []).append(failure)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Tell them."""
        counted = {host: stats.failures.get(host, 0) + stats.dark.get(host, 0) for host in self._failures}
        for line in report(self._failures, counted):
            self._display.display(line, color=C.COLOR_ERROR, stderr=True)
