#!/usr/bin/python3
"""A Prometheus that is broken on purpose: scripts/artifacts.py writes version and fault in and packs it as a release.

exits        ends with 1 as soon as it is started
hangs        goes on running and never listens
never_ready  listens where --web.listen-address says; /-/ready is 503 for ever, /-/healthy 200
Every one answers --version as a real release does. Standard library only, Python 3.9.
"""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "@version@"
FAULT = "@fault@"


class NeverReady(BaseHTTPRequestHandler):
    """Alive, and for ever about to be ready."""

    def do_GET(self):
        status = 503 if self.path.startswith("/-/ready") else 200
        body = b"Service Unavailable\n" if status == 503 else b"Prometheus Server is Healthy.\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """The journal is kept for what tests look for."""


def listen_address(argv):
    """(host, port) of --web.listen-address, in both of its forms."""
    value = "0.0.0.0:9090"
    for position, argument in enumerate(argv):
        name, equals, rest = argument.partition("=")
        if name.lstrip("-") == "web.listen-address":
            value = rest if equals else argv[position + 1]
    host, _colon, port = value.rpartition(":")
    return host.strip("[]") or "0.0.0.0", int(port)


def main(argv):
    """Behave as FAULT says; returns the exit code."""
    if "--version" in argv:
        print(f"prometheus, version {VERSION} (branch: broken, revision: {FAULT})")
        return 0
    if FAULT == "hangs":
        print(f'level=INFO msg="Starting Prometheus Server" version={VERSION}', file=sys.stderr, flush=True)
        while True:
            time.sleep(3600)
    if FAULT == "never_ready":
        host, port = listen_address(argv)
        print(f'level=INFO msg="Start listening for connections" address={host}:{port}', file=sys.stderr, flush=True)
        ThreadingHTTPServer((host, port), NeverReady).serve_forever()
    print(f'level=ERROR msg="Opening storage failed" err="broken on purpose: {FAULT}"', file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
