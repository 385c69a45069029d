# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module alertmanager_silence_info, against the real Alertmanager."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._moments import stamp
from ansible_collections.obs.stack.plugins.modules import alertmanager_silence, alertmanager_silence_info


def test_silences_are_told_by_name_and_state(alertmanagers: t.Any, run_module: t.Any) -> None:
    server = alertmanagers()
    now = time.time()
    matchers = [{"name": "job", "value": "shop", "isEqual": True, "isRegex": False}]
    body = {"matchers": matchers, "startsAt": stamp(now + 60), "endsAt": stamp(now + 120), "createdBy": "me"}
    server.ask("POST", "/api/v2/silences", {**body, "comment": "by hand"})
    common = {"alertmanager_urls": ["http://127.0.0.1:1", server.url]}
    for name, state in (("a", "present"), ("b", "present"), ("b", "absent")):
        more = {"matchers": matchers, "duration": "1h"} if state == "present" else {}
        run_module(alertmanager_silence, **common, **more, name=name, state=state)

    def told(**options: t.Any) -> list[tuple[str, str]]:
        answer = run_module(alertmanager_silence_info, **common, **options)
        assert not answer["changed"] and answer["url"] == server.url
        return [(one["name"], one["state"]) for one in answer["silences"]]

    assert told() == [("", "pending"), ("a", "active")]
    assert told(states=["expired"]) == [("b", "expired")]
    assert told(name="b") == [] and told(name="a", states=["active"]) == [("a", "active")]
    (one,) = run_module(alertmanager_silence_info, **common, states=["pending"])["silences"]
    assert (one["created_by"], one["comment"], one["matchers"]) == ("me", "by hand", matchers)
    assert (one["starts_at"], one["ends_at"]) == (stamp(now + 60), stamp(now + 120))


def test_nobody_to_ask_is_told(run_module: t.Any) -> None:
    told = run_module(alertmanager_silence_info, alertmanager_urls=["http://127.0.0.1:1/am"])
    assert told["failed"] and told["msg"].startswith("Could not read silences at http://127.0.0.1:1/am: ")
