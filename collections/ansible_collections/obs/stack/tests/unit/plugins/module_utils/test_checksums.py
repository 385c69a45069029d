# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.obs.stack.plugins.module_utils._checksums import ChecksumError, find

A, B = "a1" * 32, "b2" * 32
NAME = "prometheus-3.13.5.linux-amd64.tar.gz"
OTHER = "prometheus-3.13.5.linux-arm64.tar.gz"

FORMATS = {
    "sha256sums.txt": "{0}  {1}\n{2}  {3}\n",
    "binary mode": "{0} *{1}\n{2} *{3}\n",
    "one space": "{0} {1}\n{2} {3}\n",
    "folders": "{0}  dist/{1}\n{2}  dist/{3}\n",
    "BSD": "SHA256 ({1}) = {0}\nSHA256 ({3}) = {2}\n",
    "openssl": "SHA2-256({1})= {0}\nSHA2-256({3})= {2}\n",
    "CRLF, BOM, comment, upper case": "\ufeff# sums\r\n\r\n{4}  {1}\r\n{2}  {3}\r\n",
}


@pytest.mark.parametrize("layout", FORMATS.values(), ids=FORMATS.keys())
def test_each_file_gets_its_own_entry(layout: str) -> None:
    text = layout.format(A, NAME, B, OTHER, A.upper())
    assert find(text, NAME) == A
    assert find(text, OTHER) == B


@pytest.mark.parametrize(
    "text",
    [A, A + "\n", A.upper() + "\n", A + "  " + NAME + "\n", A + "  dist/grafana_12.4.3_1234_linux_amd64.tar.gz\n"],
    ids=["bare", "newline", "upper case", "named", "another name"],
)
def test_a_single_line_speaks_of_the_file_beside_it(text: str) -> None:
    assert find(text, NAME) == A


def test_the_exact_name_wins_over_one_in_a_folder() -> None:
    assert find("{0}  old/{2}\n{1}  {2}\n".format(A, B, NAME), NAME) == B


def test_a_name_that_only_begins_or_ends_alike_is_another_file() -> None:
    with pytest.raises(ChecksumError):
        find("{0}  {1}.asc\n{0}  x{1}\n".format(A, NAME), NAME)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{0}  x.tar.gz\n{1}  y.tar.gz\n".format(A, B), "it has x.tar.gz, y.tar.gz"),
        ("".join("{0}  f{1}\n".format(A, number) for number in range(9)), "and 4 more"),
        ("<!DOCTYPE html>\n<html></html>\n", "it is an HTML page"),
        ("{0}{0}  {1}\n".format(A, NAME), "its digests are not SHA-256"),
        ("", "it is empty"),
        ("Not Found\n", "it has no entries"),
        ("{0}  {2}\n{1}  {2}\n".format(A, B, NAME), "2 different ones"),
    ],
)
def test_what_is_there_instead_is_told(text: str, why: str) -> None:
    with pytest.raises(ChecksumError) as caught:
        find(text, NAME)
    assert why in str(caught.value)
    assert NAME in str(caught.value)
    assert "sha256" in str(caught.value)
    assert caught.value.doc == "checksum"


_NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*/()#\\"), min_size=1)
_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(_NAMES, _HEX, min_size=2, max_size=6),
    st.sampled_from(["{0}  {1}", "{0} *{1}", "SHA256 ({1}) = {0}"]),
)
def test_any_names_any_order(entries: dict[str, str], layout: str) -> None:
    text = "\n".join(layout.format(digest, name) for name, digest in entries.items())
    assert {name: find(text, name) for name in entries} == entries


@settings(max_examples=50, deadline=None)
@given(st.text(), _NAMES)
def test_any_text_gives_a_digest_or_a_plain_error(text: str, name: str) -> None:
    try:
        assert len(find(text, name)) == 64
    except ChecksumError as error:
        assert len(str(error).splitlines()) <= 2 + name.count("\n")
