# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _routing_checks
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

ETC = "/etc/alertmanager"


def config(**channels):
    receivers = [{"name": "none"}, {"name": "team", **channels}]
    return {"receivers": receivers, "templates": [ETC + "/templates/*.tmpl"]}


SLACK = {
    "api_url_file": "/run/slack",
    "title": "{{ .Status }}",
    "actions": [{"text": "x", "url": "{{ .ExternalURL }}"}],
}


def test_texts_wherever_they_stand_once():
    found = _routing_checks.texts(config(slack_configs=[SLACK, SLACK]))
    assert [(one.place, one.form) for one in found] == [
        ("team.slack_configs.1.title", "text"),
        ("team.slack_configs.1.actions.1.url", "text"),
    ]


@pytest.mark.parametrize(
    ("kind", "channel", "forms"),
    [
        (
            "email_configs",
            {"html": "{{ .A }}", "text": "{{ .A }}", "headers": {"Subject": "{{ .B }}"}},
            ["html", "text", "text"],
        ),
        ("telegram_configs", {"message": "{{ .A }}"}, ["html"]),
        ("telegram_configs", {"message": "{{ .A }}", "parse_mode": "MarkdownV2"}, ["text"]),
    ],
)
def test_what_upstream_renders_as_html_is_tried_so(kind, channel, forms):
    assert [one.form for one in _routing_checks.texts(config(**{kind: [channel]}))] == forms


def test_each_text_is_a_file_that_says_whose_it_is():
    (file, _other) = _routing_checks.files(config(slack_configs=[SLACK]))
    assert file["path"] == "checks/team.slack_configs.1.title.tmpl"
    assert file["content"] == '{{ define "check team.slack_configs.1.title" }}{{ .Status }}{{ end }}\n'


def test_no_text_is_an_argument():
    (read, *renders) = _routing_checks.checks(config(slack_configs=[{**SLACK, "title": "{{ $x := 1 }}{{ $x }}"}]))
    assert read["argv"] == ["/usr/bin/head", "-qc0", "--", "/run/slack"]
    assert len(renders) == len(_routing_checks.SAMPLES)
    for render in renders:
        assert render["argv"][:3] == ["amtool", "template", "render"]
        assert f"--template.glob={ETC}/templates/*.tmpl" in render["argv"]
        assert not [word for word in render["argv"] if "$" in word]


def test_files_wherever_they_are_named():
    found = config(slack_configs=[SLACK], webhook_configs=[{"url_file": "secrets/url"}, {"url_file": "/run/slack"}])
    found["global"] = {"http_config": {"tls_config": {"ca_file": "/etc/ssl/ca.pem"}}}
    assert _routing_checks.secret_files(found) == ["/run/slack", ETC + "/secrets/url", "/etc/ssl/ca.pem"]


def test_nothing_to_try_is_no_check():
    assert _routing_checks.checks(config()) == [] and _routing_checks.files(config()) == []


def test_a_text_that_defines_a_template_is_refused():
    with pytest.raises(StackError, match=r"team\.slack_configs\.1\.title: it defines a template"):
        _routing_checks.files(config(slack_configs=[{"title": '{{- define "x" }}{{ end }}'}]))
