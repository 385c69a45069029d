# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`obs-demo`: serve the application."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from obs_demo import __version__, telemetry
from obs_demo.app import create


def main(argv: list[str] | None = None) -> int:
    """Read the arguments and serve until told to end."""
    options = argparse.ArgumentParser(prog="obs-demo", description=__doc__)
    options.add_argument("--version", action="version", version=f"obs-demo {__version__}")
    options.add_argument("--listen-address", default="127.0.0.1:8000", metavar="HOST:PORT")
    options.add_argument("--log-file", default="", help="JSON lines go there instead of to standard output")
    arguments = options.parse_args(argv)
    host, _colon, port = arguments.listen_address.rpartition(":")
    telemetry.set_up_logs(arguments.log_file)
    traces = telemetry.set_up_traces()
    try:
        uvicorn.run(create(), host=host.strip("[]") or "0.0.0.0", port=int(port), log_level="warning", access_log=False)  # noqa: S104
    finally:
        traces.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
