# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a run tells: its outcome, the difference it makes, and errors, all with secrets blanked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from ._errors import StackError
from ._generation import Draft, changed_files
from ._inspect import Host, text_of
from ._layout import NOTHING, Layout
from ._masking import MASK, Masker, mask_by_key
from ._plan import Plan, plan_text
from ._wish import Wish


@dataclass
class Outcome:
    """What a run did, or would do."""

    changed: bool = False
    action: str = "none"
    reloaded: bool = False
    restarted: bool = False
    generation: int = NOTHING
    from_: dict[str, Any] = field(default_factory=dict)
    to: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    validated: bool | None = None
    not_validated_because: str = ""
    warnings: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)
    need_release: dict[str, Any] | None = None

    def to_plain(self) -> dict[str, Any]:
        """As the module returns it."""
        plain: dict[str, Any] = {
            "changed": self.changed,
            "action": self.action,
            "reloaded": self.reloaded,
            "restarted": self.restarted,
            "generation": self.generation,
            "from": self.from_,
            "to": self.to,
            "reasons": self.reasons,
            "diff": self.diff,
        }
        if self.validated is not None:
            plain["validated"] = self.validated
        if self.not_validated_because:
            plain["not_validated_because"] = self.not_validated_because
        if self.need_release:
            plain["need_release"] = self.need_release
        return plain


def masked_error(error: StackError, masker: Masker) -> StackError:
    """The same error with every known secret blanked."""

    def hide(text: str) -> str:
        return mask_by_key(masker.mask(text))

    return StackError(hide(error.what), why=hide(error.why), hint=hide(error.hint), step=error.step, doc=error.doc)


def difference(
    wish: Wish, layout: Layout, masker: Masker, *, host: Host, plan: Plan, draft: Draft, to: dict[str, Any]
) -> list[dict[str, str]]:
    """Before and after of the plan, every changed file, and the unit, as Ansible prints them.

    Args:
        to: version and generation after the run.
    """
    old, new = host.current, draft.generation
    before: dict[str, Any] = {"version": old.version, "generation": old.number} if old else {"version": "(none)"}
    before.update(enabled=host.unit.is_enabled, active=host.unit.is_active)
    after: dict[str, Any] = dict(to)
    after.update(
        enabled=wish.enabled if plan.enable is not None else host.unit.is_enabled, active=wish.state == "started"
    )
    if old is None or old.manifest["argv"] != new.manifest["argv"]:
        before["argv"] = " ".join(old.manifest["argv"]) if old else ""
        after["argv"] = " ".join(new.manifest["argv"])
    head, tail = plan_text(plan, before=before, after=after)
    entries = [_entry(layout.name, masker.mask(head), masker.mask(tail))]
    if plan.new_generation:
        entries += _changed_files(layout, masker, host=host, draft=draft)
    wished = {item.path: item for item in wish.live}
    for path in plan.live_changed + plan.live_removed:
        item = wished.get(path)
        content = item.content.decode("utf-8", "replace") if item else ""
        target = os.path.join(layout.live, path)
        entries.append(_file_entry(masker, target, text_of(target), content, bool(item and item.secret)))
    if plan.write_unit:
        entries.append(_entry(layout.unit_file, text_of(layout.unit_file), new.unit_text))
    return entries


def _changed_files(layout: Layout, masker: Masker, *, host: Host, draft: Draft) -> list[dict[str, str]]:
    old, new = host.current, draft.generation
    etc = os.path.join(layout.generation(old.number), "etc") if old else "/nonexistent"
    entries = []
    for path in changed_files(host.found.files, new.files):
        secret = any(table.get(path, {}).get("secret") for table in (host.found.files, new.files))
        content = draft.contents[path].content.decode("utf-8", "replace") if path in draft.contents else ""
        was = text_of(os.path.join(etc, path))
        entries.append(_file_entry(masker, os.path.join(layout.etc_link, path), was, content, secret))
    return entries


def _file_entry(masker: Masker, path: str, before: str, after: str, secret: bool) -> dict[str, str]:
    if secret:
        return _entry(path, MASK + "\n" if before else "", "(changed)\n" if after else "")
    return _entry(path, mask_by_key(masker.mask(before)), mask_by_key(masker.mask(after)))


def _entry(path: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}
