# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where and how a service is asked on its own host: _http.ENDPOINT_OPTIONS in words."""

    DOCUMENTATION = r"""
options:
  address:
    description: Address it listens on, as seen from its own host.
    type: str
    default: 127.0.0.1
  port:
    description: Its port.
    type: int
    required: true
  scheme:
    description: How it is asked.
    type: str
    choices: [http, https]
    default: http
  prefix:
    description: Path prefix of all its pages, without a slash at the end.
    type: str
    default: ""
  ca_path:
    description: CA that signed its certificate, on the host; the host's own trust when empty.
    type: str
    default: ""
  ca:
    description: The same as PEM text.
    type: str
    default: ""
  server_name:
    description: Name in its certificate; O(address) when empty.
    type: str
    default: ""
  client_cert:
    description: Certificate to show, on the host, where it asks for one.
    type: str
    default: ""
  client_key:
    description: Key of O(client_cert), on the host.
    type: str
    default: ""
  username:
    description: User of basic authentication.
    type: str
    default: ""
  password:
    description: Password of O(username).
    type: str
    default: ""
  bearer_token:
    description: Token to show instead of a user name and password.
    type: str
    default: ""
"""
