# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of a host and of their copies on the controller, there and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.obs.stack.plugins.plugin_utils._relocation import Relocation, origin_of

ROOT = "/tmp/obs-validate-x"


@pytest.mark.parametrize(
    "text",
    [
        "- /etc/x/rules/*.yml",
        "--config.file=/etc/x/x.yml",
        "file: '/etc/obs/x/live/token'",
        "a: [/etc/x/a,/etc/x/b]",
        "/etc/x",
        "dir: /etc/obs/x/rules.d/",
    ],
)
def test_own_paths_go_in_and_come_back(text: str) -> None:
    relocation = Relocation("x", ROOT)
    inside = relocation.inwards(text)
    assert inside == text.replace("/etc/", ROOT + "/etc/") and inside != text
    assert relocation.inwards(inside) == inside, "a copy is no path of the host"
    assert relocation.outwards(inside) == text


@pytest.mark.parametrize(
    "text", ["/etc/xy/a", "/etc/x-old/a", "/etc/x.d/a", "/srv/etc/x/a", "../etc/x", "/etc/obs/y/live", "/etc/obs"]
)
def test_other_paths_stay(text: str) -> None:
    assert Relocation("x", ROOT).inwards(text) == text


def test_a_stand_in_is_named_instead_of_what_only_the_host_has() -> None:
    relocation = Relocation("x", ROOT)
    relocation.stand_ins += ["/srv/ca.pem", "/srv/ca"]
    text = "ca: /srv/ca.pem\nkey: /srv/ca\nother: /srv/ca.pem.old /mnt/srv/ca /srv/ca/x"
    assert relocation.inwards(text) == (
        f"ca: {ROOT}/srv/ca.pem\nkey: {ROOT}/srv/ca\nother: /srv/ca.pem.old /mnt/srv/ca /srv/ca/x"
    )


def test_what_only_the_host_has(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    config = f'ca: "/srv/ca.pem"\ntoken: /etc/obs/x/live/token\nown: /etc/x/gone\nthere: {there}\nurl: /prefix/x\n'
    relocation = Relocation("x", ROOT)

    def missing(said: str) -> list[str]:
        return relocation.only_on_host(said, [config, "--flag=/srv/flag"])

    assert missing("stat /srv/ca.pem: no such file or directory") == ["/srv/ca.pem"]
    assert missing('"/srv/flag" does not point to an existing file') == ["/srv/flag"]
    assert missing("open /etc/obs/x/live/token: no such file or directory") == ["/etc/obs/x/live/token"]
    assert missing("open /etc/x/gone: no such file or directory") == [], "the service's own files must all be declared"
    assert missing("open /srv/unnamed: no such file or directory") == [], "the configuration does not name it"
    assert missing(f"{there} does not exist") == [], "the controller has it as well"
    assert missing("/prefix/x is not a valid prefix") == [], "nothing was missed"
    relocation.stand_ins.append("/srv/ca.pem")
    assert missing("stat /srv/ca.pem: no such file or directory") == [], "it was given one already"


def test_the_origin_of_a_file_is_the_closest_entry() -> None:
    items = [
        {"path": "x.yml", "variable": "x_config", "src": ""},
        {"path": "rules", "variable": "x_rules", "src": "/r"},
        {"path": "rules/alerts", "variable": "", "src": "/mine"},
    ]
    assert origin_of("x.yml", items) == "x_config"
    assert origin_of("rules/recording/a.yml", items) == "x_rules"
    assert origin_of("rules/alerts/a.yml", items) == "/mine"
    assert origin_of("rulesets", items) == ""
