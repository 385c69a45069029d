# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Addresses that rules get: _service_spec.LINKS in words."""

    DOCUMENTATION = r"""
options:
  links:
    description:
      - Addresses that rules get in their annotations, for channels without templates. Beside the names C(runbook) and
        C(dashboard) they are added as C(runbook_url) and C(dashboard_url).
      - In other annotations C(@grafana_url@) and C(@runbook_url@) stand for them. A word without an address stays.
    type: dict
    suboptions:
      grafana_url:
        description:
          - Grafana as people open it.
        type: str
        default: ""
      runbook_url:
        description:
          - Pages of runbooks, with C({name}) where the annotation C(runbook) goes, or the alert's name without one. It
            goes to the end unless said otherwise.
        type: str
        default: ""
"""
