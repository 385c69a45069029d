# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where Grafana is and who asks: _grafana_api_options.CONNECTION in words."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of Grafana, with the sub-path where it is served from one, without C(/api).
      - E(GRAFANA_URL), as the host has it, when it is left out.
    type: str
    aliases: [grafana_url]
  url_username:
    description: User of basic authentication. There is no default.
    type: str
    aliases: [grafana_user]
  url_password:
    description: Password of O(url_username).
    type: str
    aliases: [grafana_password]
  grafana_api_key:
    description:
      - Token of a service account, in place of O(url_username).
      - E(GRAFANA_TOKEN), as the host has it, when neither is given.
    type: str
    aliases: [token]
  org_id:
    description:
      - Number of the organisation to act in. It is named with each request, so the organisation that a user works in is
        not switched.
      - The user's current organisation, or the token's, when it is left out.
    type: int
  org_name:
    description: The same by name, of those that the user is a member of.
    type: str
  ca_path:
    description: Authority that signed Grafana's certificate, a file on the host; without it, the host's own trust.
    type: path
  client_cert:
    description: Certificate to show to Grafana or the proxy before it, a file on the host.
    type: path
  client_key:
    description: Key of O(client_cert), unless that file holds it.
    type: path
  validate_certs:
    description: Whether Grafana's certificate must be trusted.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for an answer.
    type: int
    default: 30
  use_proxy:
    description: Whether the proxy of the host's environment is used.
    type: bool
    default: true
requirements:
  - Grafana 11, 12 or 13.
notes:
  - Runs on the host of the task, which asks Grafana. With C(delegate_to=localhost) it is the controller.
  - Questions are asked again when the connection breaks or Grafana is busy. What writes is sent again only when it was
    certainly not taken in.
  - When somebody else changes the same thing at the same time, it is read and planned once more.
"""
