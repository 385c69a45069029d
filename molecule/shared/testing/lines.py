"""Numbered lines: written on a host at a steady rate, counted in Loki."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import Any

from lab import get

PAGE = 5000
UNIT = "obs-test-writer"


def write(host: Any, run: str, path: str, *, count: int, chunk: int, pause: float, journal: bool = False) -> None:
    """Append ``run <run> number <n>`` to a file (and the journal) from a unit of its own, and return at once.

    chunk: lines at a time; pause: seconds between two chunks. The lines begin with 1.
    """
    both = f"| tee -a {shlex.quote(path)} | systemd-cat -t {UNIT}" if journal else f">> {shlex.quote(path)}"
    script = (
        f"for first in $(seq 1 {chunk} {count}); do last=$((first + {chunk} - 1)); "
        f"seq -f 'run {run} number %.0f' $first $(( last < {count} ? last : {count} )) {both}; sleep {pause}; done"
    )
    host.run(f"systemctl reset-failed {UNIT}")
    host.check_output(f"systemd-run --quiet --unit={UNIT} sh -c {shlex.quote(script)}")


def writing(host: Any) -> bool:
    """Whether the writer still runs."""
    return host.run(f"systemctl is-active --quiet {UNIT}").rc == 0


def arrived(host: Any, run: str, selector: str, since: int, base: str = "http://127.0.0.1:3100") -> Counter[int]:
    """How often Loki has each number of a run; empty while it does not answer.

    selector: which streams; since: seconds since 1970. Pages through all of it.
    """
    found: Counter[int] = Counter()
    start, end = since * 10**9, int(host.check_output("date +%s")) * 10**9 + 10**10
    whole = re.compile(rf"run {run} number (\d+)")
    while True:
        parts = (f'query={selector} |= "run {run} number "', f"limit={PAGE}", f"start={start}", f"end={end}")
        options = [word for part in (*parts, "direction=forward") for word in ("--data-urlencode", part)]
        answer = get(host, f"{base}/loki/api/v1/query_range", "-G", *options)
        if answer.status != 200:
            return Counter()  # Loki is not ready again
        values = [(int(moment), line) for stream in answer.json["data"]["result"] for moment, line in stream["values"]]
        last = max((moment for moment, _line in values), default=0)
        more = len(values) >= PAGE
        for moment, line in values:
            number = whole.fullmatch(line)
            # Lines of the last moment may go on behind the page: they are read with the next one.
            if number and not (more and moment == last):
                found[int(number.group(1))] += 1
        if not more:
            return found
        assert last > start, "more lines of one moment than a page holds"
        start = last
