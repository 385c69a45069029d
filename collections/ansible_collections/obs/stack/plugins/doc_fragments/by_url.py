# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a server is asked that a task names by its URL: _by_url.URL_OPTIONS in words."""

    DOCUMENTATION = r"""
options:
  url_username:
    description: User of basic authentication. There is no default.
    type: str
    default: ""
  url_password:
    description: Password of O(url_username).
    type: str
    default: ""
  bearer_token:
    description: Token to show instead of a user name and password.
    type: str
    default: ""
  ca_path:
    description: Authority that signed its certificate, a file on the host; without it, the host's own trust.
    type: path
    default: ""
  client_cert:
    description: Certificate to show, a file on the host, where it asks for one.
    type: path
    default: ""
  client_key:
    description: Key of O(client_cert), unless that file holds it.
    type: path
    default: ""
  validate_certs:
    description: Whether its certificate must be trusted.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for an answer.
    type: int
    default: 10
notes:
  - Runs on the host of the task, which asks the server. With C(delegate_to=localhost) it is the controller.
  - No proxy is used, and no redirect is followed.
"""
