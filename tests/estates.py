# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of inventories share: Ansible run as a user would, inventories read and judged, vaults made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.tree import ROOT

BIN = Path(sys.executable).parent
PASSWORD = "canary-of-a-vault"


def ansible(program: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs from the root of the repository, as a user would."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
    # No credentials but those given here: neither files of the user nor the instance this may run on are asked.
    known.update(AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_CONFIG_FILE=os.devnull)
    return subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**known, **environment})


def read(inventory: Path, **environment: str) -> dict[str, Any]:
    """All groups and variables of an inventory: {"groups": name -> hosts, "hostvars": host -> variables}."""
    done = ansible("ansible-inventory", "--list", "-i", inventory, **environment)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout, object_hook=lambda row: row.get("__ansible_unsafe", row))
    hostvars = told.pop("_meta")["hostvars"]
    groups = {name: row.get("hosts", []) for name, row in told.items()}
    groups["all"] = sorted(hostvars)
    return {"groups": groups, "hostvars": hostvars, "warnings": done.stderr}


def problems(inventory: Path, **environment: str) -> str:
    """What obs.stack.site says against an inventory before it would change anything; empty when that is nothing."""
    # The check of the inventory is always run; nothing has this tag. No host is connected to.
    done = ansible("ansible-playbook", "obs.stack.site", "-i", inventory, "--tags", "nothing-else", **environment)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def with_vault(name: str, folder: Path) -> tuple[Path, Path]:
    """A copy of an inventory whose example of a vault was copied and encrypted as it says itself; and the password."""
    copy = folder / name
    shutil.copytree(ROOT / "inventories" / name, copy)
    vault = copy / "group_vars" / "all" / "vault.yml"
    shutil.copy(vault.with_name("vault.yml.example"), vault)
    password = folder / "vault-password"
    password.write_text(PASSWORD)
    done = ansible("ansible-vault", "encrypt", vault, ANSIBLE_VAULT_PASSWORD_FILE=str(password))
    assert done.returncode == 0, done.stderr
    return copy, password
