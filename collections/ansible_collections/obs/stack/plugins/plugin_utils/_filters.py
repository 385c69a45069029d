# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What every filter of the collection shares."""

from __future__ import annotations

import functools
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
