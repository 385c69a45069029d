"""A receiver of notifications on a host of the run, which writes down whatever it is told."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PORT = 9911
RECEIVED = "/run/lab-received"
PROGRAM = "/run/lab-receiver.py"
TEXT = f"""
import http.server
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open("{RECEIVED}", "ab") as log:
            log.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\\n")
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("0.0.0.0", {PORT}), Receiver).serve_forever()
"""


@contextmanager
def receiving(host: Any) -> Iterator[Callable[[], str]]:
    """Run it on port ``PORT``; gives a function that tells what has come so far, a JSON document a line."""
    encoded = base64.b64encode(TEXT.encode()).decode()
    host.check_output(f"echo {encoded} | base64 -d > {PROGRAM} && : > {RECEIVED}")
    host.check_output(f"systemd-run --unit lab-receiver --collect python3 {PROGRAM}")
    try:
        yield lambda: host.check_output(f"cat {RECEIVED}")
    finally:
        host.run("systemctl stop lab-receiver")
        host.check_output(f"rm -f {RECEIVED} {PROGRAM}")


def config(url: str) -> dict[str, Any]:
    """A configuration of Alertmanager that tells it everything at once."""
    return {
        "route": {"receiver": "lab", "group_by": ["alertname"], "group_wait": "100ms", "group_interval": "1s"},
        "receivers": [{"name": "lab", "webhook_configs": [{"url": url}]}],
    }
