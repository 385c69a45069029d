# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Tokens of a service account: which one is in use, when the next one is due, which old ones go. Pure."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_normal import seconds

# Grafana counts in seconds, and a run takes some.
SLACK = 3600.0
SECOND = 1000000000
_FRACTION = re.compile(r"\.\d+")


class TokenWish(t.NamedTuple):
    """What is wanted of a token. Times are in seconds.

    Attributes:
        name: of the token; Grafana's has the account before and a number behind it.
        dest: file on the host that holds it.
        mode: of that file.
        owner, group: of that file; "" as it is.
        expires_in: None for never.
        rotate_before: how long before it expires the next one is made.
        keep_old_for: how long the former one is left valid.
    """

    name: str
    dest: str
    mode: int = 0o640
    owner: str = ""
    group: str = ""
    expires_in: float | None = None
    rotate_before: float = 0.0
    keep_old_for: float = 0.0
    present: bool = True


class Token(t.NamedTuple):
    """A token as Grafana tells it; times are seconds of the epoch."""

    id: int
    serial: int
    name: str
    created: float
    expires: float | None
    live: bool

    @property
    def mark(self) -> int:
        """The time, in nanoseconds, that the token's file gets: when it was made, and its number as microseconds."""
        return int(self.created) * SECOND + self.serial % 1000000 * 1000


class File(t.NamedTuple):
    """The file of a token on the host. ``works`` is what Grafana says of what it holds, None for not asked."""

    there: bool = False
    mark: int = 0
    works: bool | None = None
    fits: bool = True


class TokenPlan(t.NamedTuple):
    """What is to be done about one token.

    Attributes:
        make: name of the one to be made, "" for none.
        why: the reason for it.
        drop: those to be revoked, after the file is written.
        told: how it is and will be, for the diff.
    """

    make: str
    why: str
    drop: t.Sequence[Token]
    before: t.Mapping[str, t.Any]
    after: t.Mapping[str, t.Any]


def wish_of(item: t.Mapping[str, t.Any]) -> TokenWish:
    """The wish of one item of the option.

    Raises:
        StackError: it cannot be carried out as it stands.
    """
    name, mode = str(item["name"]), str(item.get("mode") or "0640")
    if not re.match(r"^0?[0-7]{3}$", mode) or int(mode, 8) & 0o007:
        raise _wrong(name, "mode {0} is not three octal digits that shut others out".format(mode), 'Use "0640".')
    if not str(item["dest"]).startswith("/"):
        raise _wrong(name, "dest is not an absolute path", "Name the file on the host.")
    expires = _seconds(name, "expires_in", item.get("expires_in"))
    rotate = _seconds(name, "rotate_before", item.get("rotate_before"))
    if expires is not None and rotate is not None and rotate >= expires:
        raise _wrong(name, "rotate_before is not less than expires_in", "It would be rotated in each run.")
    return TokenWish(
        name=name,
        dest=str(item["dest"]),
        mode=int(mode, 8),
        owner=str(item.get("owner") or ""),
        group=str(item.get("group") or ""),
        expires_in=expires,
        rotate_before=rotate if rotate is not None else (expires or 0.0) / 4,
        keep_old_for=_seconds(name, "keep_old_for", item.get("keep_old_for")) or 0.0,
        present=item.get("state") != "absent",
    )


def _seconds(name: str, option: str, text: t.Any) -> float | None:
    if text in (None, ""):
        return None
    found = seconds(str(text))
    if found is None:
        raise _wrong(name, "{0} '{1}' is no duration".format(option, text), "Write it as in 90d, 12h or 30m.")
    return found


def _wrong(name: str, why: str, hint: str) -> StackError:
    what = "Could not use the options of token '{0}'".format(name)
    return StackError(what, why=why, hint=hint, step="input", doc="input")


def epoch(text: t.Any) -> float | None:
    """A time as Grafana writes it, in seconds of the epoch."""
    if not text:
        return None
    plain = _FRACTION.sub("", str(text)).replace("Z", "+00:00")
    found = datetime.fromisoformat(plain)
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def series(account: str, name: str, tokens: t.Iterable[t.Mapping[str, t.Any]]) -> list[Token]:
    """The tokens of an account that were made for one wish, the oldest first."""
    pattern = re.compile(r"^{0}-(\d+)$".format(re.escape(prefix(account, name))))
    found = []
    for one in tokens:
        match = pattern.match(str(one.get("name") or ""))
        if match:
            live = not one.get("hasExpired") and not one.get("isRevoked")
            created = epoch(one.get("created")) or 0.0
            expires = epoch(one.get("expiration"))
            found.append(Token(int(one["id"]), int(match.group(1)), str(one["name"]), created, expires, live))
    return sorted(found, key=lambda token: token.serial)


def prefix(account: str, name: str) -> str:
    """What names of tokens begin with: they are unique in an organisation, not only in an account."""
    return "{0}-{1}".format(account, name)


def plan_token(wish: TokenWish, account: str, tokens: t.Sequence[Token], file: File, now: float) -> TokenPlan:
    """What is to be done about one token.

    The time of the file says which token it holds (see :attr:`Token.mark`); the token itself tells nothing of that.

    Args:
        wish: what is wanted.
        account: its name.
        tokens: of :func:`series`.
        file: on the host.
        now: seconds of the epoch.
    """
    current = held(tokens, file)
    before = _told(wish, current, [token for token in tokens if token is not current], file)
    if not wish.present:
        return TokenPlan("", "", tokens, before if tokens or file.there else {}, {})
    why = due(wish, current, file, now)
    if why:
        made = "{0}-{1}".format(prefix(account, wish.name), max((token.serial for token in tokens), default=0) + 1)
        drop = [] if wish.keep_old_for and current else list(tokens)
        if wish.keep_old_for and current:
            drop = [token for token in tokens if token is not current]
        kept = [token.name for token in tokens if token not in drop]
        after = {"token": made, "file": wish.dest, "mode": "{0:04o}".format(wish.mode), "old": kept}
        return TokenPlan(made, why, drop, before, after)
    in_use = t.cast(Token, current)
    over = now >= in_use.created + wish.keep_old_for
    # A newer one than that in the file is of a run that was cut off before it could write it.
    drop = [token for token in tokens if token is not in_use and (over or token.serial > in_use.serial)]
    left = [token for token in tokens if token is not in_use and token not in drop]
    return TokenPlan("", "", drop, before, _told(wish, in_use, left, file._replace(fits=True)))


def held(tokens: t.Sequence[Token], file: File) -> Token | None:
    """The valid token that a file holds, None for none or an unknown one."""
    for token in reversed(tokens):
        # File systems that only know seconds lose the rest.
        coarse = file.mark % SECOND == 0 and token.mark // SECOND == file.mark // SECOND
        if file.there and token.live and (token.mark == file.mark or coarse):
            return token
    return None


def due(wish: TokenWish, current: Token | None, file: File, now: float) -> str:
    """Why a new token is needed, "" when it is not."""
    if current is None:
        return "there is none" if not file.there else "the file holds another one"
    if file.works is False:
        return "Grafana does not take the one in the file"
    if current.expires is not None and current.expires - now <= wish.rotate_before:
        return "it expires"
    if wish.expires_in is None:
        return ""
    latest = now + wish.expires_in + SLACK
    return "it expires too late" if current.expires is None or current.expires > latest else ""


def _told(wish: TokenWish, current: Token | None, others: t.Sequence[Token], file: File) -> dict[str, t.Any]:
    return {
        "token": current.name if current else "",
        "file": wish.dest if file.there else "",
        "mode": "{0:04o}".format(wish.mode) if file.fits else "(another)",
        "old": [token.name for token in others],
    }
