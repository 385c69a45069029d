# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _routing_links
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

ALL = {
    "grafana_url": "https://grafana.example.com/",
    "runbook_url": "https://git.example.com/runbooks",
    "logs_datasource": "loki",
    "metrics_datasource": "prometheus",
}


def test_every_template_is_there_whatever_is_known():
    names = [line.split('"')[1] for line in _routing_links.link_templates(ALL).splitlines() if "define" in line]
    assert "obs.logs_url" in names and "obs.links.slack" in names and "obs.first.others_url" in names
    nothing = _routing_links.link_templates(None)
    assert [line.split('"')[1] for line in nothing.splitlines() if "define" in line] == names


def test_without_grafana_there_are_no_links_into_it():
    text = _routing_links.link_templates({"logs_datasource": "loki", "metrics_datasource": "prometheus"})
    assert "explore" not in text and "/d/" not in text


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ({"grafana": "https://x"}, "no key 'grafana'"),
        ({"grafana_url": "grafana.example.com"}, "is no URL|it is no URL"),
        ({"runbook_url": "https://user@host/{name}"}, "it is no URL"),
    ],
)
def test_what_cannot_be_is_refused(links, words):
    with pytest.raises(StackError, match=words):
        _routing_links.link_templates(links)


def test_links_are_a_dictionary():
    assert _routing_links.checked(None) == {}
    with pytest.raises(StackError, match="not a dictionary"):
        _routing_links.checked(["https://grafana.example.com"])
