# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Rules as a transaction: plan, stage, check, replace, reload, see them healthy; or put the old ones back."""

from __future__ import annotations

import grp
import json
import os
import pwd
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from . import _rule_server as servers
from . import _slo_files as files
from ._errors import StackError
from ._files import make_directory, read_json, remove_file, write_file
from ._lock import locked
from ._slo_buckets import missing_buckets
from ._slo_files import Changes, Place

# In the folder of the rules: a run that was cut off between writing and the proof of the reload owes one.
OWED = ".slo_rules.owed"
LOCK = ".slo_rules.lock"


@dataclass
class Outcome:
    """What a run did, or would do."""

    changed: bool = False
    reloaded: bool = False
    not_reloaded_because: str = ""
    validated: bool | None = None
    not_validated_because: str = ""
    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)

    def to_plain(self) -> dict[str, Any]:
        """As the module returns it."""
        plain = dict(vars(self))
        del plain["warnings"]
        for key in ("not_reloaded_because", "not_validated_because"):
            if not plain[key]:
                del plain[key]
        if self.validated is None:
            del plain["validated"]
        return plain


def apply(options: Mapping[str, Any], wanted: Mapping[str, str], *, check_mode: bool, with_diff: bool) -> Outcome:
    """Make the rules of a folder what is wanted.

    Args:
        options: of the module.
        wanted: text of each file.
        check_mode: only tell; nothing is written outside a temporary folder.
        with_diff: add before and after of each file.

    Raises:
        StackError: what failed; the rules that were there are loaded.
    """
    server = servers.server_of(options)
    run = _Run(options, wanted, server, check_mode=check_mode, with_diff=with_diff)
    if check_mode:
        return run.run()
    try:
        make_directory(options["dest"], mode=0o755, uid=os.geteuid(), gid=os.getegid())
        with _locked(options, server):
            return run.run()
    except OSError as error:
        raise StackError(
            "Could not write the rules to {}".format(options["dest"]),
            why=f"{error.strerror or error} ({error.filename})" if error.filename else str(error),
            step="write",
            doc="slo-rules",
        ) from error


@contextmanager
def _locked(options: Mapping[str, Any], server: servers.Server) -> Iterator[None]:
    """The lock of the service, so that a release and its rules never change at the same time, and one of the folder."""
    patience = float(options["lock_timeout"])
    with locked(os.path.join(options["dest"], LOCK), name=options["dest"], patience=patience):
        if server.layout is None:
            yield
            return
        with locked(server.layout.lock, name=server.layout.name, patience=patience):
            yield


class _Run:
    """One run, under its locks (or in check mode)."""

    def __init__(
        self,
        options: Mapping[str, Any],
        wanted: Mapping[str, str],
        server: servers.Server,
        *,
        check_mode: bool,
        with_diff: bool,
    ) -> None:
        self.options = options
        self.wanted = wanted
        self.server = server
        self.check_mode = check_mode
        self.with_diff = with_diff
        self.outcome = Outcome()
        self.dest = str(options["dest"])
        self.owed = os.path.join(self.dest, OWED)
        self.access = {
            "uid": _id_of(options["owner"], "owner"),
            "gid": _id_of(options["group"], "group"),
            "mode": _mode(options["mode"]),
        }

    def run(self) -> Outcome:
        outcome = self.outcome
        place = files.look(self.dest, **self.access)
        changes = files.plan(
            place,
            self.wanted,
            ruleset=str(self.options["ruleset"] or "default"),
            purge=bool(self.options["purge"]),
            folder=self.dest,
        )
        owed = read_json(self.owed) is not None
        outcome.changed = bool(changes) or owed
        outcome.written, outcome.removed = sorted(changes.write), list(changes.remove)
        if not outcome.changed:
            return outcome
        if self.with_diff:
            outcome.diff = files.difference(place, changes, self.dest)
        self._check(changes)
        self._ask_buckets()
        outcome.not_reloaded_because = servers.why_not_running(self.server)
        outcome.reloaded = not outcome.not_reloaded_because
        if not self.check_mode:
            self._carry_out(place, changes)
        return outcome

    def _check(self, changes: Changes) -> None:
        """Stage every file of ours and have them checked together, before anything changes."""
        if not changes.write:
            return
        if not self.options["validate"]:
            self.outcome.validated, self.outcome.not_validated_because = False, "validate is false"
            return
        argv = servers.checker_of(self.server, self.options["promtool"], self.options["root"])
        if not argv:
            if self.check_mode:
                self.outcome.validated, self.outcome.not_validated_because = False, "there is no promtool yet"
                return
            raise StackError(
                f"Could not check the rules for {self.dest}",
                why="there is no promtool on this host",
                hint="Name it with promtool, or give up the check with validate: false. Nothing was changed.",
                step="check",
                doc="slo-rules",
            )
        with tempfile.TemporaryDirectory(prefix="obs-slo-") as folder:
            paths = []
            for name, text in sorted(self.wanted.items()):
                paths.append(os.path.join(folder, name))
                with open(paths[-1], "w", encoding="utf-8") as handle:
                    handle.write(text)
            servers.check(argv, paths, folder=folder, dest=self.dest)
        self.outcome.validated = True

    def _ask_buckets(self) -> None:
        buckets = self.options["buckets"]
        if not buckets or self.server.endpoint is None:
            return
        try:
            self.outcome.warnings += missing_buckets(buckets, lambda path: servers.answer(self.server, path))
        except StackError:
            pass  # Nobody to ask yet: a server that is being set up.

    def _carry_out(self, place: Place, changes: Changes) -> None:
        from ._switch import uninterrupted

        with uninterrupted():
            note = json.dumps({"files": changes.names}).encode()
            write_file(self.owed, note, mode=0o600, uid=os.geteuid(), gid=os.getegid())
            try:
                files.write(self.dest, changes, **self.access)
                self._prove(self.wanted)
            except (StackError, OSError) as error:
                failure = error if isinstance(error, StackError) else StackError("the host refused", why=str(error))
                raise self._restore(failure, place, changes) from error
            remove_file(self.owed)

    def _prove(self, texts: Mapping[str, str]) -> None:
        if self.outcome.not_reloaded_because:
            return
        servers.reload(self.server)
        if self.server.endpoint is None:
            return
        expected = {name: files.groups_of(text) for name, text in texts.items()}
        self.outcome.warnings += servers.see_healthy(self.server, expected, wait=float(self.options["healthy_timeout"]))

    def _restore(self, failure: StackError, place: Place, changes: Changes) -> StackError:
        """Put the old rules back and say what happened."""
        try:
            files.write(self.dest, files.undo(place, changes), **self.access)
            if not self.outcome.not_reloaded_because:
                servers.reload(self.server)
            remove_file(self.owed)
            told = "The rules that were there were put back" + (
                "." if self.outcome.not_reloaded_because else " and loaded."
            )
        except (StackError, OSError) as error:
            told = "Going back failed as well: {}".format(str(error).replace("\n", " "))
        return StackError(
            f"Could not change the rules in {self.dest}",
            why=failure.what + (": " + failure.why if failure.why else ""),
            hint=" ".join(part for part in (failure.hint, told) if part),
            step=failure.step,
            doc=failure.doc or "slo-rules",
        )


def _id_of(name: str, kind: str) -> int:
    """The number of an account or a group; "" is whoever runs this.

    Raises:
        StackError: there is none of that name.
    """
    if not name:
        return os.geteuid() if kind == "owner" else os.getegid()
    if str(name).isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid if kind == "owner" else grp.getgrnam(name).gr_gid
    except KeyError:
        raise StackError(
            f"Could not give the rules to {kind} {name}", why="there is none on this host", step="plan", doc="slo-rules"
        ) from None


def _mode(text: str) -> int:
    """Permissions in octal digits.

    Raises:
        StackError: they are none.
    """
    try:
        return int(str(text), 8)
    except ValueError:
        why = "it is not octal digits such as 0644"
        raise StackError(f"Could not use mode {text!r}", why=why, step="input", doc="slo-rules") from None
