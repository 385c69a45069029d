# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Digests by which wanted and found are compared; secrets only ever as HMACs under a key of the host."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Sequence
from typing import Any

from ._files import read_bytes, write_file

KEY_BYTES = 32


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sha256_of_files(paths: Sequence[str]) -> str:
    """sha256 over the sha256 of each of some small files, such as programs."""
    total = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as handle:
            total.update(hashlib.sha256(handle.read()).digest())
    return total.hexdigest()


def digest_of(data: Any) -> str:
    """sha256 of the canonical JSON of plain data."""
    return sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode())


def keyed(key: bytes, content: bytes) -> str:
    """HMAC-SHA256, hex."""
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def host_key(path: str, *, create: bool) -> bytes:
    """The host's key for HMACs of secrets, made once (0600). Without ``create`` a throw-away one stands in."""
    found = read_bytes(path)
    if found is not None and len(found) == KEY_BYTES:
        return found
    fresh = os.urandom(KEY_BYTES)
    if create:
        write_file(path, fresh, mode=0o600)
    return fresh


def version_key(version: str) -> tuple[Any, ...]:
    """A sortable form of a version: numbers as numbers, a pre-release before its release.

    Follows the precedence of semantic versions (semver.org, §11) as far as the components use it.
    """
    base, _dash, suffix = version.lstrip("v").partition("-")
    numbers = tuple(int(part) for part in re.findall(r"\d+", base.partition("+")[0]))
    return (numbers, 0 if suffix else 1, suffix)
