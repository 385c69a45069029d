# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets stay out of texts."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils._masking import (
    MASK,
    Masker,
    inline_secrets,
    mask_by_key,
    scalars,
)


def test_every_line_and_value_of_a_secret_is_masked() -> None:
    masker = Masker(["first-line\nkey: inner-value\n"])
    assert masker.mask("a first-line b inner-value c") == f"a {MASK} b {MASK} c"


def test_short_values_do_not_blank_out_messages() -> None:
    assert Masker(["abc", "y"]).mask("abc y") == "abc y"


def test_longer_secrets_go_first() -> None:
    assert Masker(["secret", "secret-longer"]).mask("secret-longer") == MASK


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("password: hunter2", f"password: {MASK}"),
        ("  - bearer_token: abc", f"  - bearer_token: {MASK}"),
        ('"client_secret": "x"', f'"client_secret": {MASK}'),
        ("password_file: /etc/x", "password_file: /etc/x"),
        ("url: https://user:hunter2@host/x", f"url: https://user:{MASK}@host/x"),
        ("alertname: password", "alertname: password"),
    ],
)
def test_values_are_masked_by_their_key(line: str, masked: str) -> None:
    assert mask_by_key(line) == masked


def test_inline_secrets_are_named_by_their_path() -> None:
    config = {"scrape_configs": [{"basic_auth": {"password": "x1", "password_file": "/y"}}], "global": {"a": "b"}}
    assert list(inline_secrets(config)) == [("scrape_configs[0].basic_auth.password", "x1")]


def test_scalars() -> None:
    assert list(scalars({"a": ["x", 1, True, None], "b": {"c": 2.5}})) == ["x", "1", "2.5"]


def test_the_name_of_an_attribute_is_no_secret() -> None:
    assert not list(inline_secrets({"tags": [{"key": "service.name", "value": "service"}]}))
    assert list(inline_secrets({"pager": {"key": "canary"}})) == [("pager.key", "canary")]
