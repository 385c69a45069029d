# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_service_account_info."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_service_account_info


def test_accounts_with_their_tokens(ask: t.Any, grafana: t.Any) -> None:
    accounts = [{"id": 1, "name": "a", "role": "Viewer"}, {"id": 2, "name": "ab", "role": "Admin", "isDisabled": True}]
    grafana.on("GET /api/serviceaccounts/search", {"serviceAccounts": accounts})
    grafana.on("GET /api/serviceaccounts/1/tokens", [{"id": 5, "name": "t", "hasExpired": True}])
    grafana.on("GET /api/serviceaccounts/2/tokens", [])
    (told,) = ask(grafana_service_account_info, name="a")["service_accounts"]
    assert told["role"] == "Viewer" and told["tokens"][0]["expired"] is True
    assert [one["disabled"] for one in ask(grafana_service_account_info)["service_accounts"]] == [False, True]
