"""Misbehaviour on demand, for tests of those who talk to Grafana. Only with --faults; no part of Grafana's API.

PUT /sim/faults takes a list of {"match": "PUT /api/folders/.*", "do": ..., "times": 1}; do is one of
  bad_gateway  502 with a page of HTML, as a proxy sends it
  html         200 with a page of HTML
  cut          the head and half of a body, then the end of the connection
  lose         the request is taken in and done, and its answer never comes
  hang         nothing, for `seconds` (30)
  down         the database is down: /api/health says 503
  status       an answer with `status` and `body`
  first        another request is served before this one: `method`, `path`, `body`, as the first administrator
GET /sim/requests gives the requests since the last PUT, as "METHOD path"; those here do not count.
"""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import time
import typing as t

from .errors import Refusal
from .identity import Identity
from .routing import Call, Site, dispatch

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"


def basic(login: str, password: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


class Faults:
    """Faults that are still to come, and requests seen."""

    def __init__(self, site: Site, enabled: bool) -> None:
        self._site = site
        self._enabled = enabled
        self._lock = threading.Lock()
        self._pending: list[dict[str, t.Any]] = []
        self._seen: list[str] = []

    @property
    def database_down(self) -> bool:
        """Whether health is to say so."""
        return any(fault["do"] == "down" for fault in self._pending)

    def meet(self, handler: t.Any, path: str) -> bool:
        """Do what is wished for this request; True where it is answered by that."""
        if not self._enabled:
            return False
        if path.startswith("/sim/"):
            self._control(handler, path)
            return True
        with self._lock:
            self._seen.append(f"{handler.command} {path}")
            fault = next((one for one in self._pending if self._matches(one, f"{handler.command} {path}")), None)
            if fault:
                fault["times"] = fault.get("times", 1) - 1
                self._pending = [one for one in self._pending if one.get("times", 1) > 0]
        return bool(fault) and self._act(handler, fault or {})

    @staticmethod
    def _matches(fault: dict[str, t.Any], request: str) -> bool:
        return fault["do"] != "down" and re.fullmatch(fault["match"], request) is not None

    def _control(self, handler: t.Any, path: str) -> None:
        if path == "/sim/requests":
            handler.answer(200, list(self._seen))
            return
        # The body was read by whoever asks; it is kept on the handler.
        with self._lock:
            self._pending, self._seen = json.loads(handler.kept_body or b"[]"), []
        handler.answer(200, {"message": "Faults set"})

    def _act(self, handler: t.Any, fault: dict[str, t.Any]) -> bool:
        kind = fault["do"]
        if kind == "first":
            self._serve_first(fault)
            return False
        if kind == "lose":
            handler.wfile, handler.close_connection = io.BytesIO(), True
            return False
        if kind == "status":
            handler.answer(fault["status"], fault.get("body", {"message": "Conflict"}))
        elif kind in ("bad_gateway", "html"):
            handler.send(502 if kind == "bad_gateway" else 200, HTML, {"Content-Type": "text/html"})
        elif kind == "cut":
            handler.send(200, b'{"half": "of a b', {"Content-Type": "application/json", "Content-Length": "4096"})
            handler.close_connection = True
        elif kind == "hang":
            time.sleep(float(fault.get("seconds", 30)))
            handler.close_connection = True
        return True

    def _serve_first(self, fault: dict[str, t.Any]) -> None:
        user = self._site.database.ask("SELECT * FROM user WHERE is_admin = 1 ORDER BY id")[0]
        who = Identity("user", user["id"], user["uid"], user["login"], "", "", int(fault.get("org", 1)), "Admin", True)
        path, _mark, query = fault["path"].partition("?")
        body = json.dumps(fault.get("body") or {}).encode()
        try:
            dispatch(Call(self._site, who, fault["method"], path, query, {}, body))
        except Refusal as refusal:
            print(f"fault: {fault['method']} {path}: {refusal.status} {refusal.body}", flush=True)
