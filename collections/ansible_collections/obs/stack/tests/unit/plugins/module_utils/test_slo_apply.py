# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules on a host: _slo_apply, _slo_files, _rule_server, _slo_buckets, with a server that answers in this process."""

from __future__ import annotations

import http.server
import json
import os
import threading
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _rule_server as servers
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._slo_apply import LOCK, OWED, apply
from ansible_collections.obs.stack.plugins.module_utils._slo_buckets import missing_buckets
from ansible_collections.obs.stack.plugins.module_utils._slo_rules import header


def rules(slo: str, ruleset: str = "", expr: str = "vector(1)") -> str:
    rule = f"  - record: x\n    expr: {expr}\n    labels:\n      sloth_id: {slo}\n"
    return f"{header(ruleset)}groups:\n- name: sloth-slo-meta-{slo}\n  rules:\n{rule}"


class Prometheus:
    """Loads the rules of a folder, and refuses those with the word refused in them."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.loads = 0
        self.good = 1
        self.stamp = 1.0
        self.health = "ok"
        self.loaded: dict[str, str] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self, body: str, status: int = 200) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def do_POST(self) -> None:
                self._answer("", outer.load())

            def do_GET(self) -> None:
                if self.path.startswith("/p/metrics"):
                    self._answer(
                        f"prometheus_config_last_reload_successful {outer.good}\n"
                        f"prometheus_config_last_reload_success_timestamp_seconds {outer.stamp}\n"
                    )
                else:
                    self._answer(json.dumps({"status": "success", "data": outer.groups(self.path)}))

            def log_message(self, *_args: t.Any) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:{}/p".format(self.server.server_address[1])

    def load(self) -> int:
        names = [name for name in os.listdir(self.folder) if name.endswith(".yml")]
        texts = {}
        for name in names:
            with open(os.path.join(self.folder, name), encoding="utf-8") as handle:
                texts[name] = handle.read()
        self.loads += 1
        if any("refused" in text for text in texts.values()):
            self.good = 0
            return 500
        self.good, self.stamp, self.loaded = 1, self.stamp + 1, texts
        return 200

    def groups(self, path: str) -> dict[str, t.Any]:
        """Two pages."""
        found = []
        for name, text in sorted(self.loaded.items()):
            health = "err" if "wrong" in text else self.health
            rule = {"name": "x", "health": health, "lastError": "many-to-many" if health == "err" else ""}
            for line in text.splitlines():
                if line.startswith("- name: "):
                    found.append({"file": "/elsewhere/" + name, "name": line[8:], "interval": 15, "rules": [rule]})
        if "group_next_token" in path:
            return {"groups": found[1:]}
        return {"groups": found[:1], "groupNextToken": "more"} if len(found) > 1 else {"groups": found}


@pytest.fixture
def place(tmp_path: t.Any) -> t.Iterator[t.Any]:
    folder = tmp_path / "rules.d"
    folder.mkdir()
    server = Prometheus(str(folder))
    yield folder, server
    server.server.shutdown()
    server.server.server_close()


def promtool(folder: t.Any, script: str = "exit 0") -> str:
    path = folder / "promtool"
    path.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def run(place: t.Any, tmp_path: t.Any) -> t.Callable[..., t.Any]:
    folder, server = place

    def call(wanted: t.Mapping[str, str], *, check_mode: bool = False, script: str = "exit 0", **more: t.Any) -> t.Any:
        options = {
            "dest": str(folder),
            "ruleset": "",
            "purge": False,
            "owner": "",
            "group": "",
            "mode": "0644",
            "promtool": promtool(tmp_path, script),
            "validate": True,
            "reload": "http",
            "service": "none",
            "root": str(tmp_path / "opt"),
            "prometheus_url": server.url,
            "url_username": "",
            "url_password": "",
            "ca_path": "",
            "validate_certs": True,
            "healthy_timeout": 1,
            "lock_timeout": 1,
            "buckets": [],
            **more,
        }
        return apply(options, wanted, check_mode=check_mode, with_diff=True)

    return call


def there(folder: t.Any) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def test_written_checked_loaded_once_and_then_left(place: t.Any, run: t.Any, tmp_path: t.Any) -> None:
    folder, server = place
    wanted = {"slo-a.yml": rules("a"), "slo-b.yml": rules("b")}
    first = run(wanted)
    assert first.changed and first.reloaded and first.validated and first.written == ["slo-a.yml", "slo-b.yml"]
    assert (folder / "slo-a.yml").read_text() == wanted["slo-a.yml"] and server.loads == 1
    assert len((tmp_path / "asked").read_text().splitlines()) == 1, "all files are checked together"
    assert not (folder / OWED).exists() and (folder / LOCK).exists()
    second = run(wanted)
    assert not second.changed and not second.reloaded and second.validated is None and server.loads == 1
    third = run({**wanted, "slo-a.yml": rules("a", expr="vector(2)")})
    assert third.written == ["slo-a.yml"] and server.loads == 2
    (entry,) = third.diff
    assert "vector(1)" in entry["before"] and "vector(2)" in entry["after"]


def test_check_mode_tells_the_same_and_writes_nothing(place: t.Any, run: t.Any) -> None:
    folder, server = place
    told = run({"slo-a.yml": rules("a")}, check_mode=True)
    assert told.changed and told.reloaded and told.validated and told.diff
    assert there(folder) == [] and not os.listdir(folder) and server.loads == 0
    done = run({"slo-a.yml": rules("a")})
    assert {**done.to_plain()} == {**told.to_plain()}


def test_a_folder_that_is_missing_is_made(run: t.Any, place: t.Any, tmp_path: t.Any) -> None:
    dest = tmp_path / "new" / "rules.d"
    outcome = run({"slo-a.yml": rules("a")}, dest=str(dest), reload="none", prometheus_url="")
    assert there(dest) == ["slo-a.yml"] and outcome.not_reloaded_because == "reload is none"


def test_what_the_checker_refuses_changes_nothing(place: t.Any, run: t.Any) -> None:
    folder, server = place
    run({"slo-a.yml": rules("a")})
    with pytest.raises(StackError) as caught:
        run({"slo-a.yml": rules("a", expr="sum(")}, script='echo "$3: 4:5: unexpected end"; exit 1')
    assert "unexpected end" in caught.value.why and str(folder / "slo-a.yml") in caught.value.why
    assert (folder / "slo-a.yml").read_text() == rules("a") and server.loads == 1
    with pytest.raises(StackError, match="there is no promtool"):
        servers_without = {"promtool": "", "root": "/nowhere"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(servers.shutil, "which", lambda name: None)
            run({"slo-a.yml": rules("b")}, **servers_without)
    assert not run({"slo-a.yml": rules("c")}, validate=False).validated


@pytest.mark.parametrize(("text", "said"), [("refused", "HTTP 500"), ("wrong", "x: many-to-many")])
def test_what_is_not_loaded_or_not_evaluated_puts_the_old_rules_back(
    place: t.Any, run: t.Any, text: str, said: str
) -> None:
    folder, server = place
    run({"slo-a.yml": rules("a"), "slo-old.yml": rules("old")})
    with pytest.raises(StackError) as caught:
        run({"slo-a.yml": rules("a", expr=text), "slo-new.yml": rules("new")}, purge=True)
    assert said in caught.value.why and "were put back and loaded" in caught.value.hint
    assert there(folder) == ["slo-a.yml", "slo-old.yml"] and (folder / "slo-a.yml").read_text() == rules("a")
    assert sorted(server.loaded) == ["slo-a.yml", "slo-old.yml"] and server.loaded["slo-a.yml"] == rules("a")
    assert not (folder / OWED).exists()
    assert not run({"slo-a.yml": rules("a"), "slo-old.yml": rules("old")}).changed


def test_a_run_that_was_cut_off_owes_the_reload(place: t.Any, run: t.Any) -> None:
    folder, server = place
    run({"slo-a.yml": rules("a")})
    (folder / OWED).write_text("{}")
    outcome = run({"slo-a.yml": rules("a")})
    assert outcome.changed and outcome.reloaded and outcome.written == [] and server.loads == 2
    assert not run({"slo-a.yml": rules("a")}).changed


def test_only_orphans_of_the_same_set_go_and_only_when_asked(place: t.Any, run: t.Any) -> None:
    folder, _server = place
    run({"slo-a.yml": rules("a"), "slo-b.yml": rules("b")})
    run({"slo-team-c.yml": rules("c", "team")}, ruleset="team")
    (folder / "mine.yml").write_text("groups: []\n")
    assert not run({"slo-a.yml": rules("a")}).changed
    outcome = run({"slo-a.yml": rules("a")}, purge=True)
    assert outcome.removed == ["slo-b.yml"] and there(folder) == ["mine.yml", "slo-a.yml", "slo-team-c.yml"]
    assert run({}, purge=True).removed == ["slo-a.yml"] and there(folder) == ["mine.yml", "slo-team-c.yml"]


def test_files_and_ids_of_others_are_left_alone(place: t.Any, run: t.Any) -> None:
    folder, server = place
    (folder / "slo-a.yml").write_text("groups: []\n")
    with pytest.raises(StackError, match="it was not written by slo_rules"):
        run({"slo-a.yml": rules("a")})
    with pytest.raises(StackError, match="belongs to the set team"):
        (folder / "slo-b.yml").write_text(rules("b", "team"))
        run({"slo-b.yml": rules("b")})
    (folder / "sloth.yaml").write_text(rules("d").partition("\n")[2])
    with pytest.raises(StackError, match=r"sloth\.yaml has rules of d already"):
        run({"slo-d.yml": rules("d")})
    assert server.loads == 0 and there(folder) == ["slo-a.yml", "slo-b.yml", "sloth.yaml"]


def test_permissions_are_part_of_it(place: t.Any, run: t.Any) -> None:
    folder, _server = place
    run({"slo-a.yml": rules("a")})
    (folder / "slo-a.yml").chmod(0o600)
    assert run({"slo-a.yml": rules("a")}).written == ["slo-a.yml"]
    assert (folder / "slo-a.yml").stat().st_mode & 0o777 == 0o644
    assert run({"slo-a.yml": rules("a")}, mode="0640").changed
    for wrong in ({"mode": "rw"}, {"owner": "no-such-account"}, {"group": "no-such-group"}):
        with pytest.raises(StackError, match="Could not"):
            run({"slo-a.yml": rules("a")}, **wrong)


def test_rules_that_have_not_been_evaluated_yet_are_told(place: t.Any, run: t.Any) -> None:
    _folder, server = place
    server.health = "unknown"
    outcome = run({"slo-a.yml": rules("a")}, healthy_timeout=0)
    assert outcome.warnings == ["1 of the rule groups have not been evaluated yet, such as sloth-slo-meta-a."]


def test_rules_that_are_not_among_the_loaded_ones_are_an_error(place: t.Any, run: t.Any, tmp_path: t.Any) -> None:
    _folder, server = place
    server.folder = str(tmp_path)
    with pytest.raises(StackError, match="1 of the groups are missing"):
        run({"slo-a.yml": rules("a")}, healthy_timeout=0)


@pytest.mark.parametrize("url", ["127.0.0.1:9090", "ftp://x", "http://", "http://me@host:9090", "http://x:port"])
def test_addresses_are_looked_at(run: t.Any, url: str) -> None:
    with pytest.raises(StackError, match="Could not use prometheus_url"):
        run({"slo-a.yml": rules("a")}, prometheus_url=url)


def test_a_reload_that_nobody_can_prove_is_refused(run: t.Any) -> None:
    with pytest.raises(StackError, match="prometheus_url is not given"):
        run({"slo-a.yml": rules("a")}, prometheus_url="", reload="http")


def test_a_threshold_that_is_no_bucket_is_told() -> None:
    asked: list[str] = []

    def answer(path: str) -> t.Any:
        asked.append(path)
        return {"result": [{"metric": {"le": bound}} for bound in ("0.1", "0.5", "+Inf")]}

    one = {"metric": "d", "selector": 'job="a"', "threshold": 0.3, "where": "SLO a"}
    (told,) = missing_buckets([one, {**one, "threshold": 0.5}], answer)
    assert told.startswith("SLO a: 0.3 is no bucket of d") and "0.1, 0.5, inf" in told
    assert "d_bucket%7Bjob%3D%22a%22%7D" in asked[0]
    assert missing_buckets([one], lambda path: {"result": []}) == []


def test_the_checker_is_that_of_the_service(tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """promtool of the service, then that of Prometheus beside it, then of the search path; Thanos rule has its own."""
    root = str(tmp_path / "opt")
    layout = servers.Layout(root=root, name="thanos-rule")
    server = servers.Server(layout, "thanos-rule.service", None, "", "signal")
    monkeypatch.setattr(servers.shutil, "which", lambda name: None)
    assert servers.checker_of(server, "", root) == []
    assert servers.checker_of(server, "/x/promtool", root)[0] == "/x/promtool"
    for name, program, words in (("thanos-rule", "thanos", 5), ("prometheus", "promtool", 3)):
        folder = tmp_path / "opt" / name / "current" / "release" / "bin"
        folder.mkdir(parents=True)
        (folder / program).write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
        (folder / program).chmod(0o755)
        argv = servers.checker_of(server, "", root)
        assert argv[0] == str(folder / program) and len(argv) == words
        servers.check(argv, ["/a.yml", "/b.yml"], folder="/", dest="/")
    assert (tmp_path / "asked").read_text() == "check rules /a.yml /b.yml\n"
    servers.check(
        [str(tmp_path / "opt/thanos-rule/current/release/bin/thanos"), "--rules"], ["/a"], folder="/", dest="/"
    )
    assert (tmp_path / "asked").read_text() == "--rules=/a\n"


def test_whoever_runs_it_owns_what_it_writes(run: t.Any, tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being root, nothing may be given to root."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(os, "getegid", lambda: 1235)
    for name in ("chown", "fchown"):
        monkeypatch.setattr(os, name, lambda _what, uid, gid: given.append((uid, gid)))
    run({"slo-a.yml": rules("a")}, dest=str(tmp_path / "own"), reload="none", prometheus_url="")
    assert len(given) >= 3 and set(given) == {(1234, 1235)}
