# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Whether a host is an EC2 instance, which has no need of access keys in files."""

from __future__ import annotations

from ansible_collections.obs.stack.plugins.module_utils._health_page import Finding

VENDOR = "/sys/class/dmi/id/sys_vendor"
EC2 = "Amazon EC2"


def vendor(path: str = VENDOR) -> str:
    """Who made the machine, as its hypervisor tells; nothing where it does not."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(256).strip()
    except OSError:
        return ""


def judge(made_by: str, *, strict: bool) -> list[Finding]:
    """Tell about keys on an EC2 instance. Pure."""
    if made_by != EC2:
        return []
    detail = "access keys on an EC2 instance: give it an instance profile (docs/aws.md) and leave access_key out"
    return [Finding("credentials", not strict, detail, warning=True)]
