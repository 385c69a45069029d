# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in for a file of the host is something a checker can read."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

from ansible_collections.obs.stack.plugins.plugin_utils._stand_in import stand_in_for


def test_certificate_key_and_authority_are_a_pair(tmp_path: Path) -> None:
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_bytes(stand_in_for(f"/srv/{name}"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(tmp_path / "tls.crt"), str(tmp_path / "tls.key"))
    context.load_verify_locations(str(tmp_path / "tls.crt"))


def test_documents_are_empty_ones() -> None:
    assert json.loads(stand_in_for("/srv/targets.json")) == []
    assert stand_in_for("/srv/rules.yml") == b""
    assert stand_in_for("/srv/v1.2/token").startswith(b"-----BEGIN"), "a dot in a folder is no suffix"
