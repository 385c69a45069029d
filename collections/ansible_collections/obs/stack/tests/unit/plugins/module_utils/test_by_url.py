# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers by their URL: _by_url. What they answer is tested with the modules that ask them, such as deploy_marker."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.obs.stack.plugins.doc_fragments.by_url import ModuleDocFragment
from ansible_collections.obs.stack.plugins.module_utils import _by_url
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError


@pytest.mark.parametrize(
    ("url", "place", "prefix"),
    [
        ("http://am:9093", ("http", "am", 9093), ""),
        ("https://am.example.com/alerts/", ("https", "am.example.com", 443), "/alerts"),
        ("http://[::1]:9093/", ("http", "::1", 9093), ""),
        (" http://am ", ("http", "am", 80), ""),
    ],
)
def test_url_is_taken_apart(url: str, place: tuple[str, str, int], prefix: str) -> None:
    endpoint, rest = _by_url.endpoint_at(url, "x_url", "silence", ca_path="/ca")
    assert (endpoint.scheme, endpoint.address, endpoint.port) == place and rest == prefix
    assert endpoint.ca_path == "/ca"


@pytest.mark.parametrize("url", ["", "am:9093", "ftp://am", "http://", "http://u@am", "http://am:x", "http://am/?a=b"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(StackError, match="Could not use x_url"):
        _by_url.endpoint_at(url, "x_url", "silence")


def test_options_are_documented_as_they_are() -> None:
    told = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    for name, option in _by_url.URL_OPTIONS.items():
        assert (told[name]["type"], told[name]["default"]) == (option["type"], option["default"])
    assert set(told) == set(_by_url.URL_OPTIONS)
