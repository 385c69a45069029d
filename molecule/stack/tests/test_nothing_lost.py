"""Nothing is lost: lines while Loki and then their agent restart, spans while Tempo is away; counted, both at once."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

import lines
import pytest
import volume
from lab import get, wait_for

GATEWAY, TEMPO = "http://127.0.0.1:4318", "http://127.0.0.1:3200"
LINES, SPANS = 50_000, 20_000
# Lines go on over both restarts; Loki needs up to 30 seconds until it is ready.
CHUNK, PAUSE = 100, 0.1
# How long Tempo is away, in seconds.
OUTAGE = 120
SELECTOR = '{service_name="app"}'
LOG = "/var/log/app/volume.log"
SENDER = "obs-test-sender"


@pytest.fixture(scope="module")
def storm(host) -> dict[str, object]:
    """Run of lines and spans over all the restarts, ended when everything is up again."""
    run = secrets.token_hex(4)
    traces = SPANS // volume.SPANS_PER_TRACE
    host.check_output("install -d -m 0755 /var/log/app")
    script = Path(volume.__file__).read_text()
    host.check_output(f"cat > /run/volume.py <<'END_OF_SCRIPT'\n{script}\nEND_OF_SCRIPT")
    since = int(host.check_output("date +%s"))
    # A Tempo that has just answered a query may not end by itself; what it was given is on disk.
    host.check_output("systemctl kill --signal=KILL tempo; systemctl stop tempo")
    away = time.monotonic()
    try:
        # Spread over three quarters of the outage; the unit stays until it is asked for its result.
        host.check_output(
            f"systemd-run --quiet --unit={SENDER} --property=Type=exec --remain-after-exit "
            f"python3 /run/volume.py send {GATEWAY} {run} {traces} {OUTAGE * 3 // 4}"
        )
        lines.write(host, run, LOG, count=LINES, chunk=CHUNK, pause=PAUSE)
        wait_for("the first lines", lambda: lines.arrived(host, run, SELECTOR, since), 30)
        host.check_output("systemctl restart loki")
        wait_for("Loki", lambda: get(host, "http://127.0.0.1:3100/ready").status == 200, 90)
        assert lines.writing(host), "the writer was too short for the restart of Loki"
        host.check_output("systemctl restart otelcol-agent")
        assert lines.writing(host), "the writer was too short for the restart of the agent"
        wait_for("the last line", lambda: not lines.writing(host), 120)
        wait_for(
            "the last span", lambda: "refused" in host.check_output(f"journalctl --no-pager -o cat -u {SENDER}"), OUTAGE
        )
        result = host.check_output(f"systemctl show -p Result --value {SENDER}")
        time.sleep(max(0.0, away + OUTAGE - time.monotonic()))  # the outage is what is asked for
    finally:
        host.check_output("systemctl start tempo")
        host.run(f"systemctl stop {SENDER}; systemctl reset-failed {SENDER}")
    yield {"run": run, "since": since, "traces": traces, "sent": result}
    host.run(f"rm -f {LOG} /run/volume.py")


def test_every_line_written_while_loki_and_then_the_agent_restart_arrives(host, storm):
    wanted = set(range(1, LINES + 1))

    def all_there():
        found = lines.arrived(host, storm["run"], SELECTOR, storm["since"])
        return found if set(found) >= wanted else None

    found = wait_for(f"{LINES} lines", all_there, 120)
    assert set(found) == wanted
    assert sum(found.values()) == LINES, "some came twice"


def test_every_span_sent_while_tempo_is_away_arrives(host, storm):
    assert storm["sent"] == "success", "the gateway refused spans"
    traces = storm["traces"]

    def missing():
        said = host.check_output(f"python3 /run/volume.py missing {TEMPO} {storm['run']} {traces}")
        return json.loads(said)

    wait_for("Tempo", lambda: get(host, f"{TEMPO}/ready").status == 200, 60)
    wait_for(f"{SPANS} spans", lambda: not missing(), 120)
