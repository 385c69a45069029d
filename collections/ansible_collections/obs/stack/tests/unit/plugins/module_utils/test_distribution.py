# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release that is a package of the distribution: known by its programs, linked, its own units kept from starting."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _delivery, _distribution
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout
from ansible_collections.obs.stack.plugins.module_utils._releases import find_release, stage_release
from ansible_collections.obs.stack.plugins.module_utils._stage import ensure_home
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseWish, Wish


def package(tmp_path, says="HAProxy version 2.6.12-1+deb12u3 2025/10/03", status=0):
    """The wish of a service whose package has one program, which is there unless ``says`` is empty."""
    path = tmp_path / "sbin" / "xd"
    path.parent.mkdir(exist_ok=True)
    if says:
        path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
        path.chmod(0o755)
    release = ReleaseWish(
        version="",
        url="",
        checksums_url="",
        sha256={},
        arch_names={},
        binaries={"xd": str(path)},
        version_argv=("-v",),
        kind="distribution",
        package="xd",
        masked_units=("xd",),
    )
    return Wish(name="x", root=str(tmp_path / "obs"), release=release), path


def found(wish):
    return _delivery.verifiable_release(wish, "x86_64")


@pytest.mark.parametrize(
    ("said", "version"),
    [("HAProxy version 2.6.12-1+deb12u3 2025/10/03", "2.6.12"), ("nginx/1.22.1", "1.22.1"), ("none", "")],
)
def test_version_is_the_program_s_own(said, version):
    assert _distribution.version_within(said) == version


def test_package_that_is_missing_has_no_version(tmp_path):
    wish, _path = package(tmp_path, says="")
    release = found(wish)
    assert (release.version, release.sha256, release.id) == ("", "", "")
    assert release.lacks_package


def test_program_that_tells_no_version_is_refused(tmp_path):
    for says, status in (("no word of it", 0), ("1.2.3 but", 1)):
        wish, path = package(tmp_path, says=says, status=status)
        with pytest.raises(StackError, match=f"{path} of package xd"):
            found(wish)


def test_release_is_links_and_an_upgrade_of_the_package_is_another_one(tmp_path):
    wish, path = package(tmp_path)
    layout = Layout(wish.root, wish.name)
    ensure_home(layout)
    first = found(wish)
    assert first.id.startswith("2.6.12-") and find_release(layout, first) == ("", "")
    stage_release(layout, first, "")
    assert os.readlink(os.path.join(layout.release(first.id), "bin", "xd")) == str(path)
    assert find_release(layout, first) == (first.id, first.sha256)

    package(tmp_path, says="HAProxy version 2.6.13 2026/01/01")
    second = found(wish)
    assert second.id != first.id and second.version == "2.6.13"
    assert find_release(layout, second) == ("", "") and find_release(layout, first) == ("", "")


class Systemd:
    """systemctl and its answers, replaced by a record."""

    def __init__(self, monkeypatch, refuses=False):
        self.masked, self.calls = set(), []
        monkeypatch.setattr(_distribution, "state_of", lambda unit: SimpleNamespace(is_masked=unit in self.masked))
        monkeypatch.setattr(_distribution, "systemctl", self.call)
        monkeypatch.setattr(_distribution, "daemon_reload", lambda: None)
        self.refuses = refuses

    def call(self, verb, unit):
        self.calls.append((verb, unit))
        if self.refuses:
            return "no bus"
        {"mask": self.masked.add, "unmask": self.masked.discard}.get(verb, lambda _unit: None)(unit)
        return ""


def test_controller_is_asked_for_the_package_once_and_its_unit_is_masked_before(tmp_path, monkeypatch):
    systemd = Systemd(monkeypatch)
    wish, _path = package(tmp_path, says="")
    layout = Layout(wish.root, wish.name)
    ensure_home(layout)
    assert _delivery.needed_from_controller(wish, layout, found(wish)) == {"package": "xd"}
    assert systemd.masked == {"xd.service"}
    again = Wish(name="x", root=wish.root, release=wish.release, packaged=True)
    with pytest.raises(StackError, match="after the installation of package xd"):
        _delivery.needed_from_controller(again, layout, found(again))
    package(tmp_path)
    assert _delivery.needed_from_controller(wish, layout, found(wish)) is None

    _distribution.unmask_units(layout)
    assert systemd.masked == set() and systemd.calls[-1] == ("disable", "xd.service")
    calls = list(systemd.calls)
    _distribution.unmask_units(layout)
    assert systemd.calls == calls, "only what was masked here is taken back"


def test_unit_that_somebody_else_masked_stays_so(tmp_path, monkeypatch):
    systemd = Systemd(monkeypatch)
    systemd.masked.add("xd.service")
    layout = Layout(str(tmp_path), "x")
    ensure_home(layout)
    _distribution.mask_units(layout, ("xd",))
    _distribution.unmask_units(layout)
    assert systemd.masked == {"xd.service"} and not systemd.calls


def test_package_is_not_installed_where_its_unit_cannot_be_masked(tmp_path, monkeypatch):
    Systemd(monkeypatch, refuses=True)
    layout = Layout(str(tmp_path), "x")
    ensure_home(layout)
    with pytest.raises(StackError, match="no bus"):
        _distribution.mask_units(layout, ("xd",))


def test_an_archive_is_asked_for_as_ever(tmp_path):
    release = ReleaseWish("1.2.3", "https://h/x", "", {"amd64": "a" * 64}, {"x86_64": "amd64"}, {"x": "x"}, ())
    wish = Wish(name="x", root=str(tmp_path), release=release)
    layout = Layout(wish.root, wish.name)
    needed = _delivery.needed_from_controller(wish, layout, found(wish))
    assert needed["sha256"] == "a" * 64 and needed["arch"] == "amd64"
    fetching = Wish(name="x", root=str(tmp_path), release=release, fetch={"from": "host"})
    assert _delivery.needed_from_controller(fetching, layout, found(fetching)) is None
