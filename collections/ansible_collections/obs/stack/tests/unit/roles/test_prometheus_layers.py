# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that a release does not know would stop it: each stands in the layer of the release that brought it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils._merge import layers_for

ROLE = pathlib.Path(__file__).resolve().parents[3] / "roles" / "prometheus"
VARIABLES = yaml.safe_load((ROLE / "vars" / "main" / "config.yml").read_text())


def config(version: str) -> dict[str, t.Any]:
    """The base configuration of a release, templates left as they are."""
    return layers_for(VARIABLES["__prometheus_config_layers"], version)


def flags(version: str) -> dict[str, t.Any]:
    """The base flags of a release."""
    return layers_for(VARIABLES["__prometheus_flag_layers"], version)


@pytest.mark.parametrize(
    ("version", "native", "retention_in_file", "encoding"),
    [
        ("3.5.1", False, False, False),
        ("3.8.0", True, False, False),
        ("3.10.0", True, False, False),
        ("3.11.0", True, True, False),
        ("3.12.9", True, True, False),
        ("3.13.5", True, True, True),
        ("3.16.0", True, True, True),
    ],
)
def test_layers(version: str, native: bool, retention_in_file: bool, encoding: bool) -> None:
    base = config(version)
    tsdb = base["storage"].get("tsdb", {})
    assert ("scrape_native_histograms" in base["global"]) is native
    assert ("retention" in tsdb) is retention_in_file
    assert ("storage.tsdb.retention.time" in flags(version)) is not retention_in_file
    assert ("storage.tsdb.retention.size" in flags(version)) is not retention_in_file
    assert ("chunk_encoding" in tsdb) is encoding


@pytest.mark.parametrize("version", ["3.8.0", "3.13.5"])
def test_native_histograms_never_without_the_classic_ones(version: str) -> None:
    assert config(version)["global"]["always_scrape_classic_histograms"] is True


def test_chunks_stay_readable_for_thanos_and_after_a_downgrade() -> None:
    assert config("3.13.5")["storage"]["tsdb"]["chunk_encoding"] == {"floats": "xor"}


def test_replicas_send_equal_alerts() -> None:
    assert config("3.13.5")["alerting"]["alert_relabel_configs"] == [{"regex": "replica|zone", "action": "labeldrop"}]


def test_lifecycle_endpoints_are_off() -> None:
    assert not any("lifecycle" in name or "admin" in name for name in flags("3.13.5"))
