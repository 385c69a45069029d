#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for secrets in the files git tracks (or in the files given); exit 1 and name each place found.

    scripts/secret_scan.py [FILE...]

What may stay is listed in ALLOWED below, with the reason; a rule that is no longer needed is an error too.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# name -> pattern. Written so that this file does not match itself.
PATTERNS: dict[str, re.Pattern[str]] = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "ansible vault": re.compile(r"^\s*\$ANSIBLE_VAULT;\d", re.MULTILINE),
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b"),
    "GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "Slack token": re.compile(r"\bxox[abposr]-[A-Za-z0-9-]{10,}"),
    "Slack webhook": re.compile(r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/\w{20,}"),
    "Grafana token": re.compile(r"\bgl(?:sa|c)_[A-Za-z0-9_+/=]{30,}"),
    "PagerDuty key": re.compile(r"(?i)\b(?:routing|service|integration)_key\s*[:=]\s*['\"]?[a-f0-9]{32}\b"),
    "PyPI token": re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}"),
    "bearer token": re.compile(r"(?i)\bauthorization\s*:\s*['\"]?(?:bearer|basic)\s+[A-Za-z0-9+/_.=-]{16,}"),
    "JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{10,}"),
    "password in a URL": re.compile(r"\b[a-z][a-z0-9+.-]*://(?!user:password@)[^\s/:@'\"<>{}$]+:[^\s/@'\"<>{}$]{3,}@[\w.-]+"),
    "password": re.compile(
        r"""(?ix) (?<![\w-]) [\w-]* (?:password|passwd|secret_key|client_secret|api_key|auth_token|secret_access_key)
            ["']? \s* [:=] \s* (["']) (?! [^"']* (?:\{\{|\$(?:__\w+)?\{|<|%[sr(]|\{\w*\}) ) ([^"'\s]{6,}) \1"""
    ),
    "password in YAML": re.compile(
        r"""(?imx) ^[ \t-]* [\w-]* (?:password|passwd|secret_key|client_secret|api_key|auth_token|secret_access_key)
            :[ \t]+ (?![\["'{<$!|>/&*~]|null\b|true\b|false\b) [^\s\#]{6,} [ \t]* (?:\#.*)?$"""
    ),
    "bcrypt hash": re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}"),
}

# (path, pattern name, part of the matched text): why it may stay.
UNIT = "collections/ansible_collections/obs/stack/tests/unit/plugins"
ALLOWED: dict[tuple[str, str, str], str] = {
    (f"{UNIT}/module_utils/test_masking.py", "password in a URL", "user:hunter2@"): "what the masking has to find",
    (f"{UNIT}/plugin_utils/test_payload.py", "password", "hunter22"): "what the warning has to find",
}

# What tests use where a secret belongs: it must turn up nowhere else, and says itself that it is none.
FAKE = re.compile(r"canary|([\"'])secret\1")

# Where an inventory keeps what is secret, encrypted by Ansible Vault; tests/test_inventories.py holds that it is.
VAULTS = re.compile(r"inventories/.+/vault\.ya?ml")

BINARY = b"\0"


@dataclass(frozen=True)
class Finding:
    """One place that looks like a secret.

    Attributes:
        path: relative to the root of the repository.
        line: from 1.
        kind: name of the pattern.
        text: what matched. It is printed shortened only.
    """

    path: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind} ({self.text[:6].strip()}…, {len(self.text)} characters)"


def scan_text(path: str, text: str) -> list[Finding]:
    """Return every finding in one file's text, in order of the patterns."""
    return [
        Finding(path, text.count("\n", 0, match.start()) + 1, kind, match.group(0).strip())
        for kind, pattern in PATTERNS.items()
        for match in pattern.finditer(text)
        if not FAKE.search(match.group(0)) and not (kind == "ansible vault" and VAULTS.fullmatch(path))
    ]


def allowed_by(finding: Finding, allowed: dict[tuple[str, str, str], str]) -> tuple[str, str, str] | None:
    """Return the rule that lets a finding stay, or None."""
    for rule in allowed:
        path, kind, part = rule
        if (finding.path, finding.kind) == (path, kind) and part in finding.text:
            return rule
    return None


def tracked_files() -> list[str]:
    """Files git tracks or would add, relative to the root; symlinks are left to their targets."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


def scan(names: list[str], allowed: dict[tuple[str, str, str], str]) -> tuple[list[Finding], set[tuple[str, str, str]]]:
    """Scan files; return what is not allowed, and which rules were used."""
    findings: list[Finding] = []
    used: set[tuple[str, str, str]] = set()
    for name in names:
        data = (ROOT / name).read_bytes()
        if BINARY in data[:8192]:
            continue
        for finding in scan_text(name, data.decode("utf-8", "replace")):
            rule = allowed_by(finding, allowed)
            if rule is None:
                findings.append(finding)
            else:
                used.add(rule)
    return findings, used


def main(arguments: list[str]) -> int:
    """Entry point: 0 clean, 1 something found or a rule is not needed any more."""
    names = arguments or tracked_files()
    findings, used = scan(names, ALLOWED)
    for finding in findings:
        print(finding)
    stale = set() if arguments else set(ALLOWED) - used
    for path, kind, part in sorted(stale):
        print(f"{path}: the exception for {kind} {part!r} is not needed any more: remove it from ALLOWED")
    if findings or stale:
        print("Secrets do not belong in the repository. A false alarm gets a line with its reason in ALLOWED here.")
        return 1
    print(f"No secrets in {len(names)} files.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
