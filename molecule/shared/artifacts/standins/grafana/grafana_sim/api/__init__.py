"""The API, one file for each of its parts. Importing a part binds its routes."""

from __future__ import annotations

import importlib

PARTS = (
    "users",
    "orgs",
    "teams",
    "service_accounts",
    "correlations",  # before the routes that take any name in that place
    "datasources",
    "folders",
    "dashboards",
    "history",
    "search",
    "permissions",
    "library",
    "annotations",
    "contact_points",
    "alerting",
    "resources",
    "server",
)


def load_all() -> None:
    """Bind every route."""
    for part in PARTS:
        importlib.import_module(f"{__name__}.{part}")
