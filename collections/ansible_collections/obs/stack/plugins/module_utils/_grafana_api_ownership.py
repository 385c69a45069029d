# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which dashboards and folders belong to an owner, so that nothing of others is ever removed."""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import slug

OWNER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
_FOLDER = re.compile(r"^(?:[a-z0-9-]*-)?([0-9a-f]{8})[0-9a-f]{8}$")


def check_owner(owner: str) -> str:
    """The owner, if it can be one.

    Raises:
        StackError: it cannot.
    """
    if OWNER.match(owner):
        return owner
    raise StackError(
        "Could not use '{0}' as the owner of dashboards".format(owner[:60]),
        why="it is not of the form [A-Za-z0-9][A-Za-z0-9._-]*, of at most 40 characters",
        hint="Choose a word that no other task uses for other dashboards, such as the name of the repository.",
        step="input",
        doc="grafana-prune",
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def tags_of(owner: str, uid: str) -> tuple[str, str]:
    """The two tags of a dashboard of an owner: one finds all of them, one proves that this uid is meant.

    A copy that somebody makes in Grafana keeps the tags and gets another uid: it proves nothing.
    """
    return "obs:" + owner, "obs:{0}:{1}".format(owner, _digest(owner, uid)[:12])


def proven(owner: str, uid: str, tags: t.Iterable[t.Any]) -> bool:
    """Whether these tags say that the dashboard with this uid is the owner's."""
    return set(tags_of(owner, uid)) <= {str(tag) for tag in tags}


def written_by_us(meta: t.Mapping[str, t.Any], login: str) -> bool:
    """Whether the last who wrote a dashboard is we.

    Args:
        meta: as Grafana tells it.
        login: ours; "" where Grafana does not tell it to a token. Then nobody but who made it may have written it.
    """
    last = str(meta.get("updatedBy") or "")
    if login:
        return last.lower() == login.lower()
    return bool(last) and last == str(meta.get("createdBy") or "")


def tagged(tags: t.Any, owner: str, uid: str) -> list[t.Any]:
    """Tags of a dashboard with the owner's, marks of other owners left out."""
    own = [tag for tag in tags or [] if not str(tag).startswith("obs:")]
    return own + list(tags_of(owner, uid))


def folder_uid(owner: str, base: str, path: str) -> str:
    """The uid of the folder that a folder of the sources becomes.

    Args:
        owner: or "".
        base: folder of Grafana that the tree is put into, "" for the top.
        path: of the folder, as seen from the top of the sources.
    """
    word = slug(path.rpartition("/")[2])[:23].strip("-")
    mark = _digest(owner)[:8] + _digest(owner, base, path)[:8]
    return "{0}-{1}".format(word, mark) if word else mark


def is_folder_of(owner: str, uid: str) -> bool:
    """Whether a folder was made from the sources of an owner."""
    match = _FOLDER.match(uid)
    return bool(match) and match.group(1) == _digest(owner)[:8]  # type: ignore[union-attr]
