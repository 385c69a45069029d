# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a measurement means: certificates, clocks, disks, answers. Pure."""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Sequence

from ansible_collections.obs.stack.plugins.module_utils._findings import OK, WARNING, WRONG

DAY = 86400.0
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _EXPLICIT, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def certificates(data: bytes) -> list[bytes]:
    """The certificates of PEM text, each in DER.

    Raises:
        ValueError: there is none, or one is not base64.
    """
    found = [base64.b64decode(b"".join(match.split()), validate=True) for match in _PEM.findall(data)]
    if not found:
        raise ValueError("no certificate in it")
    return found


def not_after(der: bytes) -> float:
    """When a certificate expires, in seconds since the epoch.

    Reads the one field: the standard library has no public reader of certificates (RFC 5280, section 4.1).

    Raises:
        ValueError: it is not a certificate.
    """
    try:
        _tag, certificate, _rest = _element(der)
        _tag, signed, _rest = _element(certificate)
        tag, _version, rest = _element(signed)
        if tag != _EXPLICIT:  # an old certificate leaves the version out
            rest = signed
        for _skipped in ("serial number", "signature", "issuer"):
            _tag, _value, rest = _element(rest)
        tag, validity, _rest = _element(rest)
        if tag != _SEQUENCE:
            raise ValueError("no validity")
        _tag, _begin, rest = _element(validity)
        tag, end, _rest = _element(rest)
        return _moment(tag, end)
    except (IndexError, ValueError) as error:
        raise ValueError("not a certificate") from error


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows of one DER element."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        size = length & 0x7F
        start += size
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise ValueError("it is cut off")
    return tag, data[start : start + length], data[start + length :]


def _moment(tag: int, value: bytes) -> float:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits of a year: RFC 5280 puts 50 and above into the last century.
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.datetime.strptime(text.replace("Z", "+0000"), "%Y%m%d%H%M%S%z").timestamp()


def certificate(expires: Sequence[float], now: float, warn: float, fail: float) -> tuple[str, str]:
    """Judge certificates by the one that expires first.

    Args:
        expires: seconds since the epoch, at least one.
        now: seconds since the epoch.
        warn, fail: days that must be left.
    """
    first = min(expires)
    day = datetime.datetime.fromtimestamp(first, datetime.timezone.utc).strftime("%Y-%m-%d")
    left = (first - now) / DAY
    if left <= 0:
        return WRONG, "expired on {0}".format(day)
    state = WRONG if left < fail else WARNING if left < warn else OK
    whole = int(left)
    return state, "{0} {1} left, until {2}".format(whole, "day" if whole == 1 else "days", day)


def offset(asked: float, answered: float, began: float, ended: float) -> tuple[float, float]:
    """Between which bounds another clock is ahead of ours (below zero: behind), in seconds.

    Args:
        asked, answered: our time before and after.
        began, ended: the other's time in between.
    """
    return ended - answered, began - asked


def clock(bounds: tuple[float, float], synchronised: bool | None, warn: float, fail: float) -> tuple[str, str]:
    """Judge a clock by what it is off at least, so that a slow connection raises no false alarm.

    Args:
        bounds: of :func:`offset`.
        synchronised: whether something keeps it right; None when the host does not tell.
        warn, fail: seconds it may be off.
    """
    low, high = min(bounds), max(bounds)
    least = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    kept = {True: "synchronised", False: "not synchronised", None: "synchronised or not is not known"}[synchronised]
    if least > warn:
        state = WRONG if least > fail else WARNING
        return state, "{0:.1f} s {1} the controller; {2}".format(least, "ahead of" if low > 0 else "behind", kept)
    state = OK if synchronised else WARNING
    return state, "{0}; within {1:.1f} s of the controller".format(kept, max(abs(low), abs(high)))


def disk(free: int, total: int, warn: float, fail: float) -> tuple[str, str]:
    """Judge a file system by the share that is free.

    Args:
        free, total: bytes.
        warn, fail: percent that must be free.
    """
    share = 100.0 * free / total if total else 0.0
    state = WRONG if share < fail else WARNING if share < warn else OK
    return state, "{0:.0f}% of {1:.1f} GiB free".format(share, total / 2.0**30)


def http_status(status: int, wanted: Sequence[int]) -> tuple[str, str]:
    """Judge an answer: one of those wanted, or anything below 400."""
    good = status in wanted if wanted else status < 400
    expected = " instead of {0}".format(" or ".join(str(code) for code in wanted)) if wanted and not good else ""
    return OK if good else WRONG, "HTTP {0}{1}".format(status, expected)
