# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials: read from files when needed, and known so that no message shows them."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from obs_exporter.errors import CollectError

MOST_BYTES = 64 * 1024
HIDDEN = "<secret>"
_URL_ACCOUNT = re.compile(r"(?<=://)[^/\s@]+@")
_known: set[str] = set()
_lock = threading.Lock()


def read_secret(path: str) -> str:
    """Content of a file, without the line's end.

    Raises:
        CollectError: it cannot be read, or is empty.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8").strip("\r\n")
    except OSError as error:
        raise CollectError("error", f"cannot read the credentials in {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CollectError("error", f"the credentials in {path} are not UTF-8") from None
    if not text:
        raise CollectError("error", f"the credentials file {path} is empty")
    remember(text)
    return text


def remember(secret: str) -> None:
    """Never show this text in a message. Very short ones would hide half of every line."""
    if len(secret) >= 4:
        with _lock:
            _known.add(secret)


def hide(text: str) -> str:
    """The text without secrets that were read, and without accounts in URLs."""
    with _lock:
        known = sorted(_known, key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, HIDDEN)
    return _URL_ACCOUNT.sub(f"{HIDDEN}@", text)
