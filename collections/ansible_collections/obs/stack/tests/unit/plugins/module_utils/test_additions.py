# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Further archives of a release: what of them can be refused without a host, and what stands for them (_additions)."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._additions import additions_for, check_additions, key_of
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

DIGEST = "ab" * 32


def item(**changes: t.Any) -> dict[str, t.Any]:
    """An addition as a role declares it."""
    return {"path": "plugins/one", "url": "https://x.example/one-{arch}.zip", "sha256": {"any": DIGEST}, **changes}


def test_each_architecture_has_its_own() -> None:
    other = "cd" * 32
    (found,) = additions_for([item(sha256={"arm64": other.upper(), "any": DIGEST}, members=["m"])], "arm64")
    assert (found.url, found.sha256, found.members) == ("https://x.example/one-arm64.zip", other, ("m",))
    (found,) = additions_for([item()], "amd64")
    assert found.sha256 == DIGEST
    with pytest.raises(StackError, match="no sha256 for amd64"):
        additions_for([item(sha256={"arm64": other})], "amd64")


def test_the_key_is_of_the_set_and_not_of_its_order() -> None:
    one, two = item(), item(path="plugins/two", sha256={"any": "cd" * 32})
    assert key_of(additions_for([one, two], "amd64")) == key_of(additions_for([two, one], "amd64"))
    assert key_of(additions_for([one], "amd64")) != key_of(additions_for([two], "amd64"))
    assert key_of(()) == ""


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([item(path="../x")], "not one below"),
        ([item(path="/x")], "not one below"),
        ([item(path="a//b")], "not one below"),
        ([item(path="bin/x")], "not one below"),
        ([item(path="")], "not one below"),
        ([item(), item()], "another one has that path"),
        ([item(), item(path="plugins/one/two")], "another one has that path"),
        ([item(url="ftp://x/y")], "its url"),
        ([item(sha256={})], "it has no sha256"),
        ([item(sha256={"any": "short"})], "64 hexadecimal digits"),
    ],
)
def test_refuses(items: list[dict[str, t.Any]], words: str) -> None:
    with pytest.raises(StackError, match=words):
        check_additions("x", items)


def test_takes_what_is_right() -> None:
    check_additions("x", [item(), item(path="plugins/two")])
