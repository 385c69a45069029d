# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which secrets of a data source are to be sent: Grafana never tells them, so a keyed fingerprint remembers them."""

from __future__ import annotations

import hashlib
import hmac
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

# Where the fingerprints are kept. jsonData reaches the browsers of viewers, hence the key.
PLACE = "obsStackFingerprints"
ON_CREATE, ON_CHANGE, ALWAYS = "on_create", "on_change", "always"
POLICIES = (ON_CREATE, ON_CHANGE, ALWAYS)

SET, CHANGED, GONE = "(set)", "(changed)", "(removed)"


class Secrets(t.NamedTuple):
    """What is to become of the secrets of one data source.

    Attributes:
        send: those to be sent, by name; "" removes one.
        told: all that are known of, for the diff: ``(set)`` or ``(changed)``.
        fingerprints: what is to be remembered.
    """

    send: dict[str, str]
    told: dict[str, str]
    fingerprints: dict[str, str]


def policy_of(wish: str | None, key: str) -> str:
    """When secrets are sent: as wished, else on change if there is a key, else on creation.

    Raises:
        StackError: a change could not be seen without a key.
    """
    if wish == ON_CHANGE and not key:
        raise StackError(
            "Could not see whether secrets have changed",
            why="update_secrets is on_change, and there is no fingerprint_key",
            hint="Give a fingerprint_key, random and kept like a password, or choose on_create or always.",
            step="input",
            doc="grafana-secrets",
        )
    return wish or (ON_CHANGE if key else ON_CREATE)


def fingerprint(key: str, uid: str, name: str, value: str) -> str:
    """What is remembered of a secret: nothing without the key, and another one for each data source."""
    message = "\0".join((uid, name, value)).encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def secrets_for(
    wanted: t.Mapping[str, str],
    *,
    uid: str,
    present: t.Container[str] | None,
    remembered: t.Mapping[str, str],
    policy: str,
    key: str,
) -> Secrets:
    """Which secrets to send.

    Args:
        wanted: by name; "" removes one.
        uid: of the data source.
        present: names Grafana says it has, None for a new data source.
        remembered: their fingerprints.
        policy: of ``POLICIES``.
        key: of the fingerprints, or "".
    """
    send, told = {}, {}
    prints = dict(remembered)
    for name, value in sorted(wanted.items()):
        there = present is not None and name in present
        if value == "":
            prints.pop(name, None)
            if there:
                send[name], told[name] = "", GONE
            continue
        mark = fingerprint(key, uid, name, value) if key else ""
        unseen = policy == ON_CHANGE and not hmac.compare_digest(mark, str(remembered.get(name, "")))
        if not there or policy == ALWAYS or unseen:
            send[name], told[name] = value, CHANGED if there else SET
            if mark:
                prints[name] = mark
        else:
            told[name] = SET
    return Secrets(send, told, prints)
