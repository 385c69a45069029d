# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration is strict, and says where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from obs_exporter.config import ConfigError, parse, read
from obs_exporter.config.load import schema
from obs_exporter.config.values import seconds, size
from obs_exporter.main import main

HTTP = "modules:\n  a:\n    kind: http_json\n    url: http://x/\n    metrics:\n      - {name: m, help: M., value: v}\n"


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [(one.line, one.where, one.what) for one in caught.value.problems]


def test_a_configuration_is_taken() -> None:
    module = parse(HTTP).modules["a"]
    assert module.timeout == 10 and module.interval == 0 and module.max_series == 1000


@pytest.mark.parametrize(
    ("text", "line", "where", "what"),
    [
        (HTTP.replace("url:", "urll:"), 4, "modules.a.urll", "unknown key"),
        (HTTP.replace("help:", "hepl:"), 6, "modules.a.metrics.0.hepl", "unknown key"),
        (HTTP + "    timeout: soon\n", 7, "modules.a.timeout", "want a duration such as 10s, 1m30s or 500ms"),
        (HTTP + "    url: http://y/\n", 7, "", "the key 'url' stands there twice"),
        (HTTP + "    headers: {a: [b]}\n", 7, "modules.a.headers.a", "want a string"),
        (HTTP + "\t- x\n", 7, "", "found character '\\t' that cannot start any token"),
        (HTTP.replace("value: v", "value: 'v['"), 6, "modules.a.metrics.0.value", "no JMESPath"),
        (HTTP.replace("name: m", "name: m_total"), 6, "modules.a.metrics.0", "must not end in _total"),
        (HTTP.replace("help:", "type: counter, help:"), 6, "modules.a.metrics.0", "ends in _total: m_total"),
        (HTTP.replace("http://x/", "http://u:@x/"), 4, "modules.a.url", "password_file"),
        (HTTP.replace("http_json", "ftp"), 2, "modules.a", "does not match any of the expected tags"),
        ("modules: [1]\n", 1, "modules", "dictionary"),
        ("- 1\n", 1, "", "want a mapping"),
    ],
)
def test_errors_have_their_line(text: str, line: int, where: str, what: str) -> None:
    found = [one for one in problems(text) if one[0] == line and one[1] == where and what in one[2]]
    assert found, problems(text)


def test_all_errors_are_told_at_once() -> None:
    text = HTTP.replace("url:", "urll:") + "    nonsense: 1\n"
    assert [line for line, _where, _what in problems(text)] == [4, 7]


def test_one_name_has_one_type() -> None:
    other = HTTP.split("modules:\n")[1].replace("  a:", "  b:", 1).replace("name: m,", "name: m, type: histogram,")
    assert "is a histogram here and a gauge in modules.a" in problems(HTTP + other)[0][2]
    assert "the exporter's own" in problems(HTTP.replace("name: m", "name: obs_exporter_x"))[0][2]


def test_aliases_and_merge_keys_work_and_a_bomb_does_not() -> None:
    text = "modules:\n  a: &a\n" + HTTP.split("  a:\n")[1] + "  b:\n    <<: *a\n    url: http://y/\n  c: *a\n"
    found = parse(text).modules
    assert [getattr(found[name], "url", "") for name in "abc"] == ["http://x/", "http://y/", "http://x/"]
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert "more than" in problems(bomb)[0][2]
    assert problems("[" * 5000)[0][2]


def test_a_field_that_a_pattern_lacks_is_an_error() -> None:
    text = (
        "modules:\n  a:\n    kind: log\n    paths: [/x]\n    format: regex\n    regex: '(?P<a>x)'\n    metrics:\n"
        "      - {name: m_total, help: M., labels: {b: b}}\n"
    )
    assert "no field 'b'; there are a" in problems(text)[0][2]


def test_durations_and_sizes() -> None:
    assert [seconds(text) for text in ("1d", "1h30m", "2m", "1.5s", "250ms", 3)] == [86400, 5400, 120, 1.5, 0.25, 3]
    assert [size(text) for text in ("10MB", "64KiB", "7", 5)] == [10_000_000, 65536, 7, 5]
    for wrong in ("", "s", "5", "1s2m", "-1s", None, True, [1], "9" * 60 + "s"):
        with pytest.raises(ValueError, match="want a duration"):
            seconds(wrong)
    for wrong in ("0", "10TB", "-1", 0, None, 1.5):
        with pytest.raises(ValueError, match="want a size"):
            size(wrong)


def test_the_published_schema_is_the_present_one() -> None:
    published = Path(__file__).resolve().parents[1] / "src" / "obs_exporter" / "config.schema.json"
    assert published.read_text() == schema(), "run: python -m obs_exporter.main --print-schema > config.schema.json"
    kinds = json.loads(schema())["$defs"]
    assert {"HttpJson", "Sql", "Log", "Command", "Python", "SystemdUnits"} <= set(kinds)
    assert kinds["HttpJson"]["additionalProperties"] is False


def test_check_config_says_good_and_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yml"
    file.write_text(HTTP)
    assert main(["--config.file", str(file), "--check-config"]) == 0
    assert "1 modules, no errors" in capsys.readouterr().out
    file.write_text(HTTP + "    oops: 1\n")
    assert main(["--config.file", str(file), "--check-config"]) == 2
    assert f"{file}:line 7: modules.a.oops: unknown key" in capsys.readouterr().err
    assert main(["--config.file", str(tmp_path / "none"), "--check-config"]) == 2
    file.write_text(HTTP)
    web = tmp_path / "web.yml"
    web.write_text("basic_auth_users: {a: plain}\n")
    assert main(["--config.file", str(file), "--web.config.file", str(web), "--check-config"]) == 2
    assert "no bcrypt hash" in capsys.readouterr().err


def test_collectors_are_judged_where_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A controller that judges a host's configuration has none of its folders."""
    file, plugins = tmp_path / "c.yml", tmp_path / "plugins"
    file.write_text(
        f"plugin_paths: [{plugins}]\nmodules: {{a: {{kind: python, collector: 'gone_for_good:collect'}}}}\n"
    )
    assert main(["--config.file", str(file), "--check-config"]) == 0
    assert f"plugin_paths: {plugins} is not here: collectors are not judged" in capsys.readouterr().err
    plugins.mkdir()
    assert main(["--config.file", str(file), "--check-config"]) == 2
    assert "modules.a: cannot load gone_for_good:collect" in capsys.readouterr().err


def test_what_is_not_text_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_bytes(b"modules:\n  \xff: 1\n")
    with pytest.raises(ConfigError, match="line 2: is not UTF-8"):
        read(file)
