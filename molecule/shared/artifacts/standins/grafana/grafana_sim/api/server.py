"""What is about the server itself: settings, counts, plugins, provisioning."""

from __future__ import annotations

import typing as t

from grafana_sim import provisioning
from grafana_sim.errors import Fatal, plain
from grafana_sim.routing import Call, route


@route("GET", "/api/frontend/settings")
def frontend_settings(call: Call) -> t.Any:
    version = call.profile.version
    build = {"version": version, "commit": "stand-in", "edition": "Open Source", "env": "production", "buildstamp": 0}
    return {"buildInfo": build, "appSubUrl": call.site.settings.sub_path, "featureToggles": {}}


@route("GET", "/api/admin/settings", "settings:read")
def settings(call: Call) -> t.Any:
    return call.site.settings.sections()


@route("GET", "/api/admin/stats", "server.stats:read")
def stats(call: Call) -> t.Any:
    counts = {
        "orgs": "org",
        "users": "user WHERE is_service_account = 0",
        "dashboards": "dashboard WHERE is_folder = 0",
        "datasources": "data_source",
        "admins": "user WHERE is_admin = 1",
    }
    return {name: call.database.ask(f"SELECT count(*) AS n FROM {table}")[0]["n"] for name, table in counts.items()}


@route("GET", "/api/plugins")
def plugins(call: Call) -> t.Any:
    return provisioning.plugins(call.site.settings)


def _reload(call: Call, kind: str, text: str) -> t.Any:
    try:
        call.site.reload(kind)
    except Fatal as error:
        raise plain(500, str(error)) from error
    return {"message": text}


@route("POST", "/api/admin/provisioning/datasources/reload", "provisioning:reload")
def reload_datasources(call: Call) -> t.Any:
    return _reload(call, "datasources", "Datasources config reloaded")


@route("POST", "/api/admin/provisioning/dashboards/reload", "provisioning:reload")
def reload_dashboards(call: Call) -> t.Any:
    return _reload(call, "dashboards", "Dashboards config reloaded")
