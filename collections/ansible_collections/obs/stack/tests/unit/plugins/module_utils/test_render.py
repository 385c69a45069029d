# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit and run.env, as systemd reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._render import (
    BASE_SANDBOX,
    argument_words,
    environment_value,
    run_env,
    unit,
)

TEXT = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)))


def read_environment_value(written: str) -> str:
    """systemd's reading of a double-quoted EnvironmentFile value (env-file.c, DOUBLE_QUOTE_VALUE)."""
    assert written[0] == written[-1] == '"'
    value, escaped = "", False
    for character in written[1:-1]:
        if escaped:
            value += character if character in '"\\`$' else "\\" + character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            assert character != '"'
            value += character
    return value


def split_words(value: str) -> list[str]:
    """systemd's splitting of a lone $VARIABLE (extract-word.c with EXTRACT_UNQUOTE)."""
    words, word, quoted, escaped = [], None, False, False
    for character in value:
        if escaped:
            word = (word or "") + character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
            word = word or ""
        elif character in " \t\n\r" and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + character
    return words + ([word] if word is not None else [])


@given(TEXT)
def test_environment_values_survive(value: str) -> None:
    assert read_environment_value(environment_value(value)) == value


@given(st.lists(TEXT))
def test_arguments_survive_both_readings(arguments: list[str]) -> None:
    written = environment_value(argument_words(arguments))
    assert split_words(read_environment_value(written)) == arguments


@pytest.mark.parametrize("name", ["A-B", "1A", "OBS_ARGS", "OBS_RESTART_KEY", ""])
def test_names_systemd_cannot_take_are_refused(name: str) -> None:
    with pytest.raises(StackError) as caught:
        run_env("k", [], {name: "x"})
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("bad", ["a\nb", "a\0b", "a\rb"])
def test_line_breaks_are_refused(bad: str) -> None:
    with pytest.raises(StackError):
        run_env("k", [bad], {})
    with pytest.raises(StackError):
        run_env("k", [], {"A": bad})


def render(**spec: object) -> list[str]:
    return unit(
        name="x",
        home="/opt/obs/x",
        executable="xd",
        account={"user": "u", "group": "g", "groups": []},
        data_path="/var/lib/x",
        spec=spec,
        reload_signal="HUP",
    ).splitlines()


def test_unit_names_only_current() -> None:
    lines = render()
    assert "ExecStart=/opt/obs/x/current/release/bin/xd $OBS_ARGS" in lines
    assert "EnvironmentFile=/opt/obs/x/current/run.env" in lines
    assert "RequiresMountsFor=/opt/obs /var/lib/x" in lines
    assert "ReadWritePaths=/var/lib/x" in lines
    assert not [line for line in lines if "generations" in line or line.startswith("Environment=")]


def test_sandbox_is_overridden_directive_by_directive() -> None:
    lines = render(sandbox={"ProtectHome": "read-only", "ProtectClock": None, "PrivateUsers": True})
    assert "ProtectHome=read-only" in lines
    assert "PrivateUsers=yes" in lines
    assert not [line for line in lines if line.startswith("ProtectClock")]
    for directive in set(BASE_SANDBOX) - {"ProtectHome", "ProtectClock"}:
        assert f"{directive}={BASE_SANDBOX[directive]}" in lines


def test_a_line_break_cannot_add_a_directive() -> None:
    with pytest.raises(StackError):
        render(description="x\nExecStartPre=/bin/evil")
    with pytest.raises(StackError):
        render(limits={"MemoryMax": "1G\nUser=root"})
