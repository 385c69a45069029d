"""An application that many targets are: answers on port 9830 whatever it is asked. Runs on a host."""

from __future__ import annotations

import http.server


class Shop(http.server.BaseHTTPRequestHandler):
    """Says that it is there."""

    def do_GET(self) -> None:
        """One sample."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"shop_up 1\n")

    def log_message(self, *_arguments: object) -> None:
        """Nothing to say."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("0.0.0.0", 9830), Shop).serve_forever()
