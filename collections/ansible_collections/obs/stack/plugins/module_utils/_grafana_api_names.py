# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Names in Grafana: identifiers it accepts, ones derived from titles, addresses of pages."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import quote, urlsplit

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

UID = re.compile(r"^[a-zA-Z0-9_-]{1,40}$")
LONGEST = 40


def check_uid(uid: str, thing: str) -> str:
    """The uid, without blanks around it.

    Raises:
        StackError: Grafana would not take it.
    """
    uid = uid.strip()
    if UID.match(uid):
        return uid
    why = "it has {0} characters".format(len(uid)) if len(uid) > LONGEST else "it holds other characters"
    raise StackError(
        "Could not use '{0}' as the uid of {1}".format(uid[:60], thing),
        why=why if uid else "it is empty",
        hint="A uid has at most 40 letters, digits, hyphens and underscores.",
        step="input",
        doc="grafana-api",
    )


def slug(text: str) -> str:
    """Lower-case letters, digits and single hyphens: "CPU & Memory" is "cpu-memory"."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def derived(*parts: str) -> str:
    """A uid that always comes out the same for the same parts: readable by the last one, distinct by all."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]
    word = slug(parts[-1])[: LONGEST - 11].rstrip("-")
    return "{0}-{1}".format(word, digest) if word else digest


def part(text: str) -> str:
    """One part of a path."""
    return quote(text, safe="")


def page(base: str, path: str) -> str:
    """The address of a page of Grafana, whose own paths hold the sub-path it is served from.

    Args:
        base: address of Grafana.
        path: as Grafana tells it; an empty one gives an empty address.
    """
    if not path or path.startswith(("http://", "https://")):
        return path
    parts = urlsplit(base)
    prefix = parts.path.rstrip("/")
    if prefix and not path.startswith(prefix + "/"):
        path = prefix + path
    return "{0}://{1}{2}".format(parts.scheme, parts.netloc, path)
