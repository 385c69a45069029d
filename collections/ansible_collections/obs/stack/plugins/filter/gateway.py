# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the gateway role. The work is in module_utils/_gateway.py, the documentation in <filter>.yml."""

from __future__ import annotations

import base64
import hashlib
import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils import _gateway
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained

try:
    import bcrypt

    HASHER: t.Any = bcrypt
except ImportError:  # told where a password is to be hashed
    HASHER = None

SHORTEST = 12
LONGEST = 72  # bytes; what is behind them bcrypt would not see
# HAProxy computes the hash anew for every request: the lowest cost there is, for passwords that are long instead.
COST = 4
_ALPHABETS = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
)


def gateway_hashes(users: Mapping[str, t.Any], salt: str) -> dict[str, str]:
    """User to the hash of the password; what is a hash already stays as it is.

    The salt is derived from what is no secret, the user and ``salt``: a second run writes the same file.

    Raises:
        StackError: a password that is too short or too long, or no library to hash it.
    """
    return {str(user): _hash(str(user), str(secret), salt) for user, secret in users.items()}


def _hash(user: str, secret: str, salt: str) -> str:
    if secret.startswith("$"):
        return secret
    size, why, hint = (
        len(secret.encode()),
        "",
        f"Make one of {SHORTEST} to {LONGEST} bytes, for example with 'openssl rand -hex 16'.",
    )
    if size < SHORTEST:
        why = f"its password is shorter than {SHORTEST} characters"
    elif size > LONGEST:
        why = f"its password is longer than {LONGEST} bytes"
    elif HASHER is None:
        why, hint = "the Python library bcrypt is missing on the controller", "Install it, or give hashes of crypt(3)."
    if why:
        raise StackError(f"Could not let '{user}' of gateway_users in", why=why, hint=hint, doc="gateway")
    derived = hashlib.sha256(f"obs.stack gateway\n{salt}\n{user}".encode()).digest()[:16]
    text = base64.b64encode(derived).rstrip(b"=").translate(_ALPHABETS)
    hashed: bytes = HASHER.hashpw(secret.encode(), b"$2b$%02d$" % COST + text)
    return hashed.decode()


class FilterModule:
    """Shapes that release_service takes, for the gateway."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "gateway_hashes": explained(gateway_hashes),
            "gateway_haproxy": explained(_gateway.gateway_haproxy),
        }
