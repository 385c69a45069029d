# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The boundaries of a transaction, named."""

from __future__ import annotations

PHASES = (
    "planned",
    "account",
    "release",
    "generation",
    "checked",
    "owed",
    "unit",
    "live",
    "flip",
    "act",
    "probe",
    "commit",
    "pruned",
)


def phase(name: str) -> None:
    """Mark that everything up to the boundary ``name`` (one of PHASES) is on disk.

    Does nothing. Tests replace this file from outside to end the process here.
    """
