# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of Grafana's API, as tests: run against the simulator, and unchanged against a real Grafana.

GRAFANA_URL, GRAFANA_USERNAME (admin) and GRAFANA_PASSWORD name the real one; who signs in is its administrator. All
that is made is in an organisation that is removed at the end, but for users, which each test removes itself.

Every test says by `@source` where what it asserts was found. The keys: M is grafana/grafana at commit db64da7a,
S:<commit> another commit of it, D Grafana's documentation, OA grafana-openapi-client-go, TF
terraform-provider-grafana, CG community.grafana, X<version> the transcript of a real server of that version. What is
not sure is asserted nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.grafana import servers
from tests.grafana.servers import Api


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "source(*where): where what a test asserts was found")
    config.addinivalue_line("markers", "since(major): nothing to be tested in versions before")
    config.addinivalue_line("markers", "storage(kind): only in unified or in legacy storage")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "grafana" in metafunc.fixturenames:
        kinds = ["real"] if servers.real() else ["-".join(kind) for kind in servers.SIMULATED]
        metafunc.parametrize("grafana", kinds, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a simulated version does not have. Of a real one it is known only when it runs."""
    left = [item for item in items if not _is_of_others(item)]
    config.hook.pytest_deselected(items=[item for item in items if _is_of_others(item)])
    items[:] = left


def _is_of_others(item: pytest.Item) -> bool:
    kind = getattr(item, "callspec", None) and item.callspec.params.get("grafana", "")  # type: ignore[attr-defined]
    if not kind or kind == "real":
        return False
    version, storage = kind.split("-")
    since, only = item.get_closest_marker("since"), item.get_closest_marker("storage")
    too_old = since and int(version.split(".")[0]) < since.args[0]
    return bool(too_old or (only and storage != only.args[0]))


@pytest.fixture(autouse=True)
def applicable(request: pytest.FixtureRequest) -> None:
    """Pass over what this version of a real Grafana does not have."""
    since, only = request.node.get_closest_marker("since"), request.node.get_closest_marker("storage")
    if since and request.getfixturevalue("version") < (since.args[0],):
        pytest.skip(f"since {since.args[0]}")
    if only and request.getfixturevalue("unified") != (only.args[0] == "unified"):
        pytest.skip(f"{only.args[0]} storage only")


@pytest.fixture(scope="session")
def grafana(request: pytest.FixtureRequest) -> Iterator[Api]:
    """The server, as its administrator."""
    there = servers.real()
    if there:
        yield there
        return
    version, storage = request.param.split("-")
    with servers.simulated(version, storage) as api:
        yield api


@pytest.fixture(scope="session")
def api(grafana: Api) -> Iterator[Api]:
    """The server's administrator in an organisation of the tests."""
    inside = grafana.new_org()
    yield inside
    grafana.seen_as(org=1).delete(f"/api/orgs/{inside.org}")


@pytest.fixture(scope="session")
def unified(api: Api) -> bool:
    """Whether dashboards and folders are in unified storage."""
    return api.unified


@pytest.fixture(scope="session")
def version(api: Api) -> tuple[int, ...]:
    """Numbers of the version."""
    return api.version


@pytest.fixture(scope="session")
def editor(api: Api) -> Api:
    return api.with_role("Editor")


@pytest.fixture(scope="session")
def viewer(api: Api) -> Api:
    return api.with_role("Viewer")
