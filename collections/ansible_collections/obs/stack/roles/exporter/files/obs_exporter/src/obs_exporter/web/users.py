# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may ask: basic authentication against bcrypt hashes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections import OrderedDict

import bcrypt

MOST_CACHED = 100
# Compared where there is no such user: whether there is one must not show in the time.
_NOBODY = b"$2b$10$" + b"C6UzMDM.H6dfI/f/IKcEe." + b"O7.eQXwJ2zl3Xr9e5lA6k0nq1s8mP2S"


class Users:
    """Remembers what was right, hashed with a key of this process: bcrypt is slow by intention."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        # One at a time: guesses must not take every core.
        self._turn = asyncio.Lock()

    async def may(self, header: str, users: dict[str, str]) -> bool:
        """Whether an Authorization header names one of the users with its password."""
        scheme, _space, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            return False
        wanted = users.get(user, "") if colon else ""
        given = password.encode()[:72]
        mark = hmac.digest(self._key, b"\0".join([user.encode(), wanted.encode(), given]), hashlib.sha256)
        if mark in self._known:
            return self._known[mark]
        async with self._turn:
            right = await asyncio.get_running_loop().run_in_executor(
                None, _check, given, wanted.encode() if wanted else _NOBODY
            )
        right = right and bool(wanted)
        self._known[mark] = right
        while len(self._known) > MOST_CACHED:
            self._known.popitem(last=False)
        return right


def _check(given: bytes, wanted: bytes) -> bool:
    try:
        return bcrypt.checkpw(given, wanted)
    except ValueError:
        return False
