# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the administrator's password the wished one: Grafana itself reads it at its very first start only.

Runs before each start, as Grafana's account. What was last applied is noted as a salted hash beside the data, so that
a password changed by people in Grafana stays until the wish changes. Python 3.9, standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import subprocess
import sys

ROUNDS = 200_000
NOTE = ".obs_admin_password"


def digest(password: str, salt: str) -> str:
    """A password's hash."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), ROUNDS).hex()


def is_applied(note: str, password: str) -> bool:
    """Whether the note says that this password was applied last."""
    try:
        with open(note, encoding="utf-8") as handle:
            known = json.load(handle)
        return secrets.compare_digest(str(known["hash"]), digest(password, str(known["salt"])))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_note(note: str, password: str) -> None:
    """Note the password as applied."""
    salt = secrets.token_hex(16)
    beside = note + ".new"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        json.dump({"salt": salt, "hash": digest(password, salt)}, handle)
    os.replace(beside, note)


def main(arguments: list[str]) -> int:
    """Apply the password where that is due; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--release", required=True)
    options.add_argument("--settings", required=True)
    options.add_argument("--data", required=True)
    options.add_argument("--password-file", required=True)
    options.add_argument("--fresh-without", default="", help="a file without which the database is not begun yet")
    chosen = options.parse_args(arguments)
    with open(chosen.password_file, encoding="utf-8") as handle:
        password = handle.read().strip()
    note = os.path.join(chosen.data, NOTE)
    if is_applied(note, password):
        return 0
    if not chosen.fresh_without or os.path.exists(chosen.fresh_without):
        command = [os.path.join(chosen.release, "bin", "grafana"), "cli", "--homepath", chosen.release]
        command += ["--config", chosen.settings, "admin", "reset-admin-password", "--password-from-stdin"]
        done = subprocess.run(command, input=password, capture_output=True, text=True, check=False)
        if done.returncode:
            words = (done.stdout + done.stderr).strip().splitlines()[-3:]
            print("Could not set the administrator's password: {}".format(" | ".join(words)), file=sys.stderr)
            return 1
        print("The administrator's password was set to the one wished.", file=sys.stderr)
    write_note(note, password)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
