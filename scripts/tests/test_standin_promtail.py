"""The stand-in for Promtail: reads what the roles render, refuses what Promtail refuses, and ships each line once."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from scripts.lab import paths

FILE = paths.ROOT / "molecule" / "shared" / "artifacts" / "standins" / "promtail.py"


@pytest.fixture(scope="module")
def standin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("standin_promtail", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Loki(BaseHTTPRequestHandler):
    """Answers pushes with what is next in `statuses` (204 after that), and keeps the lines of those it took."""

    statuses: list[int]
    lines: list[str]
    streams: list[dict[str, str]]
    headers_seen: list[str]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.statuses.pop(0) if self.statuses else 204
        self.headers_seen.append(self.headers.get("Authorization", ""))
        if status == 204:
            self.streams += [stream["stream"] for stream in body["streams"]]
            self.lines += [value[1] for stream in body["streams"] for value in stream["values"]]
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Nothing on the console."""


@pytest.fixture
def loki() -> Iterator[tuple[type[Loki], str]]:
    handler = type("OneLoki", (Loki,), {"statuses": [], "lines": [], "streams": [], "headers_seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{server.server_port}/loki/api/v1/push"
    server.shutdown()


@contextlib.contextmanager
def running(standin: ModuleType, config: dict[str, Any]) -> Iterator[Any]:
    """Run it on a configuration as the roles render it, and stop it as SIGTERM does."""
    promtail = standin.Promtail(standin.Yaml(yaml.safe_dump(config, sort_keys=False)).load())
    thread = threading.Thread(target=promtail.run)
    thread.start()
    try:
        yield promtail
    finally:
        promtail.stopping.set()
        thread.join(20)
        assert not thread.is_alive()


def settings(folder: Path, url: str, stages: list[dict[str, Any]], **client: Any) -> dict[str, Any]:
    backoff = {"min_period": "10ms", "max_period": "20ms", "max_retries": 0}
    return {
        "positions": {"filename": str(folder / "positions.yaml")},
        "clients": [{"url": url, "batchwait": "50ms", "backoff_config": backoff, **client}],
        "scrape_configs": [{
            "job_name": "app",
            "static_configs": [{"targets": ["localhost"], "labels": {"job": "app", "__path__": str(folder / "*.log")}}],
            "pipeline_stages": stages,
        }],
    }


def until(question: Any) -> None:
    deadline = time.monotonic() + 10
    while not question():
        assert time.monotonic() < deadline, "nothing after 10 s"
        time.sleep(0.02)


@pytest.mark.parametrize("document", [
    {"a": {"b": ["x", 1, None, True, "5", "", "it's", "x: y", "# no", "a\nb\n\nc", "a\tb"]}, "e": {}, "l": []},
    {"l": [{"a": 1, "b": {"c": ["d"]}}, "plain", ["n", ["m"]]], "k": {"re": '" (?P<s>\\d{3}) ', "sel": '{a="b"}'}},
    {"jobs": [{"name": "x", "stages": [{"json": {"expressions": {"id": "a.b"}}}, {"drop": None}]}], "d": "5s"},
])
def test_reads_what_the_roles_render(standin: ModuleType, document: dict[str, Any]) -> None:
    assert standin.Yaml(yaml.safe_dump(document, sort_keys=False, width=1 << 20)).load() == document


@pytest.mark.parametrize(("change", "words"), [
    ({"position": {}}, "field position not found"),
    ({"server": {"http_port": 1}}, "field http_port not found in type server"),
    ({"clients": [{"url": "x"}]}, "client needs target URL"),
    ({"scrape_configs": [{"job_name": "a"}, {"job_name": "a"}]}, 'job name "a"'),
    ({"scrape_configs": {"job_name": "a"}}, "cannot unmarshal"),
])
def test_strict(standin: ModuleType, tmp_path: Path, capsys: Any, change: dict[str, Any], words: str) -> None:
    file = tmp_path / "promtail.yml"
    file.write_text(yaml.safe_dump({"server": {"http_listen_port": 9080}, **change}))
    assert standin.main([f"-config.file={file}", "-check-syntax"]) == 1
    assert words in capsys.readouterr().out
    file.write_text(yaml.safe_dump({"server": {"http_listen_port": 9080}}))
    assert standin.main(["-config.file", str(file), "-check-syntax"]) == 0
    assert "Valid config file" in capsys.readouterr().out


def test_version_and_flags(standin: ModuleType, capsys: Any) -> None:
    assert standin.main(["--version"]) == 0
    assert "promtail, version" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        standin.main(["-no-such-flag"])


def test_unknown_stage_passes_the_check_and_stops_the_start(standin: ModuleType) -> None:
    config = {"scrape_configs": [{"job_name": "a", "pipeline_stages": [{"jsn": {}}]}]}
    standin.strict(config, standin.SCHEMA)
    with pytest.raises(standin.Refused, match="Unknown stage type: jsn"):
        standin.Promtail(config)


def test_each_line_once_over_errors_restart_and_rotation(standin: ModuleType, tmp_path: Path, loki: Any) -> None:
    handler, url = loki
    handler.statuses[:] = [500, 429, 503]
    log, config = tmp_path / "app.log", settings(tmp_path, url, [])
    log.write_text("1\n2\nunfinished")
    with running(standin, config) as promtail:
        until(lambda: handler.lines == ["1", "2"])
        assert promtail.counts["batch_retries"] == 3
    assert f'{log}": "4"' in (tmp_path / "positions.yaml").read_text()
    with log.open("a") as stream:
        stream.write(" now\n")
    with running(standin, config):
        until(lambda: handler.lines == ["1", "2", "unfinished now"])
        log.rename(tmp_path / "app.log.1")
        log.write_text("4\n")
        until(lambda: handler.lines[-1] == "4")
    assert handler.lines == ["1", "2", "unfinished now", "4"]
    assert handler.streams[0] == {"job": "app", "filename": str(log)}


def test_what_loki_refuses_is_dropped(standin: ModuleType, tmp_path: Path, loki: Any) -> None:
    handler, url = loki
    handler.statuses[:] = [400]
    (tmp_path / "app.log").write_text("old\n")
    with running(standin, settings(tmp_path, url, [])) as promtail:
        until(lambda: promtail.counts["dropped_entries"] == 1)
    assert not handler.lines


def test_credentials_and_labels(standin: ModuleType, tmp_path: Path, loki: Any) -> None:
    handler, url = loki
    (tmp_path / "token").write_text("word\n")
    (tmp_path / "app.log").write_text("x\n")
    access = {"type": "Bearer", "credentials_file": str(tmp_path / "token")}
    config = settings(tmp_path, url, [], authorization=access, external_labels={"host": "a"})
    with running(standin, config):
        until(lambda: handler.lines)
    assert handler.headers_seen == ["Bearer word"] and handler.streams[0]["host"] == "a"


def test_stages(standin: ModuleType) -> None:
    entry = {"labels": {"a": "b", "env": "x"}, "time": 7, "metadata": {}, "line":
             '{"ts": "2026-01-02T03:04:05.000000006Z", "lvl": "info", "trace": {"id": "ab"}, "msg": "paid", "n": null}'}
    standin.Pipeline([
        {"json": {"expressions": {"ts": "ts", "level": "lvl", "trace_id": "trace.id", "msg": "msg", "n": "n"}}},
        {"timestamp": {"source": "ts", "format": "RFC3339Nano"}},
        {"labels": {"level": "level", "n": "n"}},
        {"static_labels": {"team": "shop"}},
        {"labeldrop": ["env"]},
        {"structured_metadata": {"trace_id": "trace_id", "n": "n"}},
        {"output": {"source": "msg"}},
    ]).run(entry)
    assert entry == {
        "labels": {"a": "b", "level": "info", "team": "shop"},
        "time": 1767323045000000006,
        "metadata": {"trace_id": "ab"},
        "line": "paid",
    }


def test_regex_and_logfmt(standin: ModuleType) -> None:
    entry = {"labels": {}, "time": 7, "metadata": {}, "line": 'level=warn msg="a b" GET 404'}
    standin.Pipeline([
        {"logfmt": {"mapping": {"level": "", "text": "msg"}}},
        {"regex": {"expression": r" (?P<status>\d{3})$"}},
        {"labels": {"level": "level", "status": "status", "text": "text"}},
    ]).run(entry)
    assert entry["labels"] == {"level": "warn", "status": "404", "text": "a b"}


def test_relabelling(standin: ModuleType) -> None:
    rules = [
        {"source_labels": ["__u"], "regex": r"(.+)\.service", "target_label": "service"},
        {"source_labels": ["__u", "x"], "regex": "a.*;(.+)", "target_label": "y", "replacement": "<${1}>"},
        {"regex": "x", "action": "labeldrop"},
    ]
    assert standin.relabel({"__u": "a.service", "x": "1"}, rules) == {"service": "a", "y": "<1>"}
    assert standin.relabel({"__u": "a"}, [{"source_labels": ["__u"], "regex": "a", "action": "drop"}]) is None
    assert standin.relabel({"__u": "a"}, [{"source_labels": ["__u"], "regex": "b", "action": "keep"}]) is None
