# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Whom a change of a service is told: _deploy_option.DEPLOY in words."""

    DOCUMENTATION = r"""
options:
  deploy:
    description:
      - Whom a change is told.
      - >-
        Where it stops or restarts the service, the alerts about that are silenced first. The silence is shortened to a
        minute when the change is over, however it ended; by itself it ends when that would take too long. An
        Alertmanager that does not answer within seconds is a warning.
      - The playbooks of this collection set it for every service by C(group/obs.stack.releases) of C(module_defaults).
    type: dict
    suboptions:
      host:
        description:
          - Name of the host, for the name of the silence.
        type: str
        default: ""
      alertmanagers:
        description:
          - Members of one cluster, asked in turn until one answers.
        type: list
        elements: dict
        default: []
        suboptions:
          url:
            description:
              - Its address, with its path prefix.
            type: str
            required: true
          service:
            description:
              - Service of this host that answers there. It is not asked while that one restarts.
            type: str
            default: ""
          ca:
            description:
              - Authority that signed its certificate, PEM or a file on the controller.
            type: str
            default: ""
          username:
            description:
              - User of basic authentication.
            type: str
            default: ""
          password:
            description:
              - Its password.
            type: str
            default: ""
          bearer_token:
            description:
              - Token, instead of them.
            type: str
            default: ""
          certificate:
            description:
              - Certificate to show, PEM or a file on the controller.
            type: str
            default: ""
          private_key:
            description:
              - Its key, PEM or a file on the controller.
            type: str
            default: ""
      silences:
        description:
          - By service, its silences, each a list of matchers as Alertmanager has them. A service without one is not
            silenced.
        type: dict
        default: {}
"""
