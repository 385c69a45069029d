#!/usr/bin/python3
"""A small service that tells what it was given: /argv, /environment, /data. Never ready with `broken` as its fault."""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

VERSION = "@version@"
FAULT = "@fault@"
DATA = Path("/var/lib/toy/data")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        answers = {
            "/ready": "ok",
            "/argv": json.dumps(sys.argv[1:]),
            "/environment": json.dumps(dict(os.environ)),
            "/data": json.dumps(DATA.read_text()),
            "/cluster": json.dumps({"members": ["a"]}),
        }
        self.send_response(503 if FAULT == "broken" and self.path == "/ready" else 200)
        self.end_headers()
        self.wfile.write(answers[self.path].encode())

    def log_message(self, *_arguments):
        pass


if "--version" in sys.argv:
    print("toyd version " + VERSION)
    sys.exit(0)
with DATA.open("a") as handle:
    handle.write(VERSION + "\n")
HTTPServer(("127.0.0.1", 9777), Handler).serve_forever()
