# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What check mode, diff and idempotence mean; each module says how far it has them."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would change without changing the target.
  diff_mode:
    description: Returns what has changed, or would change, in diff mode.
  idempotent:
    description: Run again with the same options and nothing changed between, the module reports no change.
"""
