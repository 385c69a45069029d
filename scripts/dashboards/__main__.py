"""Writes the dashboards into the role grafana.

python -m scripts.dashboards            write them
python -m scripts.dashboards --check    say which are not current, and fail
"""

from __future__ import annotations

import argparse
import sys

from scripts.dashboards.files import stale, write


def main() -> int:
    """Write or compare; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dashboards", description="Write the dashboards that ship.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file is not current")
    found = stale()
    if not parser.parse_args().check:
        for path in write():
            print(f"{path}: written")
        return 0
    for path in found:
        print(f"{path}: not current, run make dashboards")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
