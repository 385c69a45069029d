# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Check the options of a task that an action plugin answers itself, as Ansible checks those of a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError


def checked_options(
    spec: Mapping[str, Any], arguments: Mapping[str, Any], *, module: str, thing: str = "", required_if: Any = None
) -> dict[str, Any]:
    """The options with their defaults.

    Args:
        spec: argument specification.
        arguments: what the task says.
        module: its name, for the hint and, without ``thing``, for the error.
        thing: whose options they are.
        required_if: as in Ansible's argument specifications.

    Raises:
        StackError: an option is unknown, missing or of the wrong type.
    """
    checked = ArgumentSpecValidator(spec, required_if=required_if).validate(dict(arguments))
    if checked.error_messages:
        raise StackError(
            f"Could not use the options of {thing or module}",
            why="; ".join(checked.error_messages),
            hint=f"Compare them with 'ansible-doc obs.stack.{module}'.",
            step="input",
            doc="input",
        )
    options: dict[str, Any] = checked.validated_parameters
    return options
