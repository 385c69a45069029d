# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What every filter of the collection shares."""

from __future__ import annotations

import functools
import multiprocessing
import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

Result = t.TypeVar("Result")


def explained(function: Callable[..., Result]) -> Callable[..., Result]:
    """Wrap a filter: an expected failure becomes Ansible's own error, without a traceback."""

    @functools.wraps(function)
    def call(*args: t.Any, **kwargs: t.Any) -> Result:
        try:
            return function(*args, **kwargs)
        except StackError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


def once_per_task(function: Callable[..., Result]) -> Callable[..., Result]:
    """Wrap a filter ``(…, hostvars, host)`` that a template mentions often, so that a task derives it once.

    Ansible templates a variable anew at each mention, a hundred times in one task. It forks a worker for each task and
    host, and what a worker knows of the inventory does not change. Outside of a worker nothing is kept.
    """
    kept: dict[str, tuple[t.Any, Result]] = {}

    @functools.wraps(function)
    def call(*arguments: t.Any) -> Result:
        if multiprocessing.parent_process() is None:
            return function(*arguments)
        hostvars, host = arguments[-2:]
        of, result = kept.get(host, (None, None))
        if of is not hostvars:
            result = function(*arguments)
            kept[host] = (hostvars, result)
        return t.cast("Result", result)

    return call
