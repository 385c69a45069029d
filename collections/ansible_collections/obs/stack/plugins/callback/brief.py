# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: brief
type: stdout
short_description: Show what a playbook tells, and nothing around it
version_added: "0.1.0"
description:
  - For playbooks that ask and tell, like C(obs.stack.status). The standard output holds the texts of
    M(ansible.builtin.debug) as they are, so that a table can be read and piped on.
  - Plays are named on the standard error as they start. Failures are left to P(obs.stack.cause#callback), which should
    be enabled beside it.
author:
  - obs.stack contributors (@obs-stack)
requirements:
  - set as stdout in configuration, C(ANSIBLE_STDOUT_CALLBACK=obs.stack.brief)
"""

EXAMPLES = r"""
# HOST   SERVICE     VERSION  GENERATION  SINCE                    STATE    CURRENT
# obs-a  prometheus  3.13.5   4           2026-11-22 16:53:40 UTC  running  yes
"""

import typing as t

from ansible import constants as C
from ansible.plugins.callback import CallbackBase

TELLING = frozenset(("debug", "ansible.builtin.debug", "ansible.legacy.debug"))


class CallbackModule(CallbackBase):
    """Shows texts, each as it comes."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "obs.stack.brief"

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Say what is going on, where it does not stand in the way of a pipe."""
        self._display.display(f"{play.get_name().strip()} …", color=C.COLOR_VERBOSE, stderr=True)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """A play without hosts told nothing: say why."""
        self._display.display("No host is in that group.", color=C.COLOR_SKIP, stderr=True)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """Show the text of a debug task, and warnings of any."""
        self._handle_warnings_and_exception(result)
        if result.task.action not in TELLING:
            return
        for told in result.result.get("results") or [result.result]:
            if isinstance(told, dict) and not told.get("skipped") and "msg" in told:
                self._tell(told["msg"])

    def _tell(self, text: t.Any) -> None:
        for line in text if isinstance(text, (list, tuple)) else [text]:
            self._display.display(str(line))
