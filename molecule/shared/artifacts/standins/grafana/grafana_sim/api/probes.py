"""Whether a data source answers: the question its plugin would ask."""

from __future__ import annotations

import base64
import ssl
import typing as t
import urllib.error
import urllib.request

QUESTIONS = {
    "prometheus": ("/api/v1/query?query=1%2B1", "Successfully queried the Prometheus API."),
    "loki": ("/loki/api/v1/query?query=vector(1)%2Bvector(1)", "Data source successfully connected."),
    "tempo": ("/api/echo", "Data source is working"),
}
PATIENCE = 5


def ask(entry: dict[str, t.Any], secure: dict[str, str]) -> tuple[bool, str]:
    """Well or not, and the plugin's words."""
    if entry["type"] not in QUESTIONS:
        return False, "this stand-in cannot ask a data source of this kind"
    path, good = QUESTIONS[entry["type"]]
    request = urllib.request.Request(entry["url"].rstrip("/") + path)
    if entry["basicAuth"]:
        pair = f"{entry['basicAuthUser']}:{secure.get('basicAuthPassword', '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE, context=_trust(entry, secure)) as answer:
            answer.read()
    except (urllib.error.URLError, OSError, ValueError) as error:
        return False, f"There was an error returned querying the data source: {error}"
    return True, good


def _trust(entry: dict[str, t.Any], secure: dict[str, str]) -> ssl.SSLContext | None:
    if not entry["url"].startswith("https:"):
        return None
    context = ssl.create_default_context()
    if entry["jsonData"].get("tlsSkipVerify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif entry["jsonData"].get("tlsAuthWithCACert"):
        context.load_verify_locations(cadata=secure.get("tlsCACert", ""))
    return context
