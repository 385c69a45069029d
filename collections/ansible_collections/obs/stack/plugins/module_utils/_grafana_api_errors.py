# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What Grafana refused, told in one line: what could not be done, to which thing, where, why, and what next."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

CONFLICTS = (409, 412)
ABSENT = (404,)


class Errand(t.NamedTuple):
    """What is being done to which thing, for the error: ``verb`` ("update"), ``kind`` ("dashboard"), ``name``."""

    verb: str
    kind: str
    name: str = ""

    def text(self, url: str) -> str:
        """ "Could not update dashboard 'x' at http://…"."""
        name = " '{0}'".format(self.name) if self.name else ""
        return "Could not {0} {1}{2} at {3}".format(self.verb, self.kind, name, url)


class GrafanaError(StackError):
    """Grafana was not reached, or what answered was not Grafana."""

    def __init__(self, errand: Errand, url: str, why: str, hint: str = "") -> None:
        super().__init__(errand.text(url), why=why, hint=hint, doc="grafana-api")
        self.errand = errand


class Refusal(GrafanaError):
    """Grafana answered with an error.

    Attributes:
        status: of HTTP.
        slug: Grafana's own name of the error (``version-mismatch``, ``api-key.expired``, ``NotFound``), or "".
        said: Grafana's message.
    """

    def __init__(self, errand: Errand, url: str, status: int, said: str, slug: str = "") -> None:
        self.status = status
        self.slug = slug
        self.said = said
        why = "HTTP {0} {1}".format(status, said or slug or "without a reason").strip()
        super().__init__(errand, url, why, hint_of(status, slug, said))

    @property
    def conflict(self) -> bool:
        """Somebody else has changed the thing in between."""
        return self.status in CONFLICTS


_BY_SLUG = {
    "password-auth.failed": "Look at url_username and url_password. After five wrong passwords Grafana refuses the "
    "right one as well for five minutes.",
    "password-auth.empty": "Give url_password.",
    "login-attempt.blocked": "Too many wrong passwords: Grafana refuses the right one as well for five minutes.",
    "api-key.invalid": "The token is not one of this Grafana: give another as grafana_api_key.",
    "api-key.expired": "The token has expired: make a new one.",
    "api-key.revoked": "The token was revoked: make a new one.",
    "api-key.organization-mismatch": "A token is of one organisation: leave out org_id, or use a token of that one.",
    "plugin-dashboard": "Set overwrite to write it all the same, until the plugin is updated.",
    "folder.maximum-depth-reached": "Grafana nests folders four deep: lift it up, or flatten the tree.",
    "folder.circular-reference": "A folder cannot be moved below itself.",
    "folder.not-empty": "It holds alert rules: move them, or set force to delete them with it.",
}
_BY_STATUS = {
    401: "Give url_username and url_password, or grafana_api_key.",
    403: "The user or the token lacks the permission that the message names.",
    404: "Look at url, which is without /api, and with the sub-path where Grafana is served from one.",
    409: "It was changed by somebody else at the same time, or the name is taken. Run again to see which.",
    412: "It was changed by somebody else at the same time. Run again.",
    413: "Split the dashboard, or raise the limit of Grafana or of the proxy before it.",
    429: "Too many requests: run again later.",
}
_GATEWAY = "Grafana, or a proxy before it, is not well: look at its log, then run again."


def hint_of(status: int, slug: str = "", said: str = "") -> str:
    """What to do about an error of Grafana's.

    Args:
        status: of HTTP.
        slug: Grafana's own name of it.
        said: Grafana's message.
    """
    if slug in _BY_SLUG:
        return _BY_SLUG[slug]
    low = said.lower()
    if "folder not found" in low:
        return "Make the folder first (grafana_folder), or correct its uid."
    if "provisioned" in low or "read-only" in low:
        return "It comes from a file of provisioning: change it there."
    if "same uid" in low or "same name" in low:
        return "Another one has it already. One that may not be read is invisible here: look with an administrator."
    if "quota" in low:
        return "The organisation's quota is used up."
    if 300 <= status < 400:
        return "Name that address as url."
    return _BY_STATUS.get(status) or (_GATEWAY if status >= 500 else "")
