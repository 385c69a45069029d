# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Flip a service from one generation to another, prove it, and commit; or put everything back.

From the note of what is owed to commit or restore, signals that would end a run are ignored: a lost connection
must not leave a service half way. A SIGKILL or a power loss is healed by the next run from that note.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from . import _adoption
from ._adoption import Takeover
from ._errors import StackError
from ._files import make_directory, point_symlink, read_bytes, remove_file, write_file, write_json
from ._generation import Generation
from ._hooks import run_hook
from ._http import endpoint_of
from ._layout import NOTHING, Layout
from ._phase import phase
from ._plan import no_return_reason
from ._probe import Prober
from ._stage import mark_generation, write_below
from ._systemd import daemon_reload, reset_failed, restart_key_of, state_of, systemctl
from ._wish import FileWish

IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore the signals that end a run whose connection is lost."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in IGNORED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prober_of(layout: Layout, generation: Generation) -> Prober:
    """The prober of a generation, by its own scheme, CA, name and credentials."""
    probe = generation.probe
    etc = os.path.join(layout.generation(generation.number), "etc")
    return Prober(layout.name, endpoint_of(probe, etc) if probe.get("port") else None, probe)


@dataclass
class Switch:
    """One change of a service.

    Attributes:
        old: the proven generation to go back to, or None on a first install.
        new: the generation to run; equal to ``old`` when only the process needs healing.
        effect: none, reload, restart, start or stop.
        write_unit: whether the unit file is written.
        enable: wanted enabled state when it is to change.
        prove: probe even where nothing acts.
        live: live files to write; ``live_removed``: paths to take away after commit.
        gid: group of the service.
        takeover: what an adoption moves aside.
        begin: a service that is replaced still runs, so that a first start begins where things stand now.
    """

    layout: Layout
    old: Generation | None
    new: Generation
    effect: str
    gid: int
    write_unit: bool = False
    enable: bool | None = None
    prove: bool = False
    live: list[FileWish] = field(default_factory=list)
    live_removed: list[str] = field(default_factory=list)
    takeover: Takeover | None = None
    action: str = ""
    begin: bool = False

    def __post_init__(self) -> None:
        self._live_before: dict[str, bytes | None] = {}
        self._acted = False
        self._was_active = False
        # After a host came up on an unproven generation, that one has run before anything here is done.
        self._new_ran = self.old is not None and self.layout.current_number() == self.new.number != self.old.number
        self._data_saved = False

    @property
    def unit(self) -> str:
        return self.layout.unit_name

    def perform(self) -> None:
        """Do it.

        Raises:
            StackError: what failed, in which step, and what runs now. The old service is back unless that says not.
        """
        with uninterrupted():
            self._note()
            phase("owed")
            try:
                self._forward()
            except (StackError, OSError) as error:
                failure = error if isinstance(error, StackError) else StackError("the host refused", why=str(error))
                raise self._restore(failure) from error
            self._commit()
            phase("commit")

    # -- forward ------------------------------------------------------------------------------------------------

    def _note(self) -> None:
        state = state_of(self.unit)
        self._was_active = state.is_active
        write_json(
            self.layout.pending,
            {
                "from": self.old.number if self.old else NOTHING,
                "to": self.new.number,
                "effect": self.effect if self.effect in ("reload", "restart") else "",
                "takeover": self.takeover.to_plain() if self.takeover else None,
            },
        )

    def _forward(self) -> None:
        if self.takeover:
            # The other installation uses nothing of `current`, so that goes first: whenever the host starts anew,
            # either its unit or ours has all it needs.
            self._flip_current(self.new.number)
            _adoption.keep_unit(self.takeover, self.layout)
        if self.write_unit:
            write_file(self.layout.unit_file, self.new.unit_text.encode(), mode=0o644)
        if self.takeover:
            _adoption.move_aside(self.takeover, self.layout)
            self._link_etc()
        if self.write_unit:
            daemon_reload()
        phase("unit")
        self._write_live()
        phase("live")
        self._before_data_changes()
        self._flip(self.new.number)
        phase("flip")
        if self.enable is not None:
            self._set_enabled(self.enable)
        self._begin()
        self._act(self.new)
        phase("act")
        self._probe(self.new)
        phase("probe")

    def _write_live(self) -> None:
        make_directory(self.layout.obs_etc, mode=0o755)
        make_directory(self.layout.live, mode=0o750, gid=self.gid)
        for item in self.live:
            self._live_before[item.path] = read_bytes(os.path.join(self.layout.live, item.path))
            write_below(self.layout.live, item, gid=self.gid)

    def _before_data_changes(self) -> None:
        """Save the data where a version change makes going back harmful (``data.before``)."""
        before = self.new.manifest["data"].get("before")
        if not before or self.old is None or self.old.version == self.new.version:
            return
        self._acted = True
        systemctl("stop", self.unit)
        self._hook("before", self.new, list(before))
        # What was saved helps only whom something puts it back.
        self._data_saved = bool(self.new.manifest["data"].get("restore"))

    def _begin(self) -> None:
        """Before a start in place of another service: begin where things stand now (``data.begin``)."""
        argv = self.new.manifest["data"].get("begin")
        if self.begin and argv and self.effect == "start":
            self._hook("begin", self.new, list(argv))
            phase("begun")

    def _hook(self, which: str, generation: Generation, argv: list[str]) -> None:
        environment = {
            "OBS_FROM_VERSION": self.old.version if self.old else "",
            "OBS_TO_VERSION": self.new.version,
            "OBS_FROM_GENERATION": str(self.old.number if self.old else NOTHING),
            "OBS_TO_GENERATION": str(self.new.number),
        }
        run_hook(self.layout, generation, which, argv, environment)

    def _flip(self, number: int) -> None:
        self._flip_current(number)
        self._link_etc()

    def _flip_current(self, number: int) -> None:
        if (self.layout.current_number() or NOTHING) != number:
            point_symlink(self.layout.current, os.path.join("generations", str(number)))

    def _link_etc(self) -> None:
        link = self.layout.etc_link
        if not os.path.islink(link) or os.readlink(link) != self.layout.current_etc:
            point_symlink(link, self.layout.current_etc)

    def _set_enabled(self, enabled: bool) -> None:
        complaint = systemctl("enable" if enabled else "disable", self.unit)
        if state_of(self.unit).is_enabled != enabled:
            raise StackError(
                "Could not {} {}".format("enable" if enabled else "disable", self.unit),
                why=complaint or "its state did not change",
                step="unit",
                doc="systemd",
            )

    def _act(self, generation: Generation) -> None:
        """Bring the process to a generation; whether that worked is for the probe to say."""
        if self.effect in ("restart", "start"):
            self._acted = self._new_ran = True
            if self.takeover:
                _adoption.stop_former(self.takeover)
            reset_failed(self.unit)
            systemctl("restart", self.unit)
        elif self.effect == "stop":
            self._acted = True
            systemctl("stop", self.unit)
        elif self.effect == "reload":
            self._acted = True
            prober_of(self.layout, generation).reload(generation.reload)

    def _probe(self, generation: Generation) -> None:
        if self.effect == "stop":
            state = state_of(self.unit)
            if state.is_active:
                raise StackError(f"{self.unit} still runs", why=state.sub, step="act", doc="systemd")
            return
        if self.effect == "none" and not self.prove and not self._was_active:
            return
        prober_of(self.layout, generation).wait_ready(
            timeout=float(generation.manifest["ready_timeout"]), restart_key=generation.restart_key
        )

    # -- commit -------------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        mark_generation(
            self.layout, self.new, "committed", committed=datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        )
        for path in self.live_removed:
            remove_file(os.path.join(self.layout.live, path))
        remove_file(self.layout.pending)

    # -- restore ------------------------------------------------------------------------------------------------

    def _restore(self, failure: StackError) -> StackError:
        """Put the old generation back and say what happened."""
        old = self.old
        title = "Could not {} {}{} to {}".format(
            self.action or "change", self.layout.name, " from " + old.label if old else "", self.new.label
        )
        why = failure.what + (": " + failure.why if failure.why else "")
        kept = self._kept_reason()
        if kept:
            # The note stays, so that the next run proves it.
            return StackError(
                title,
                why=why,
                hint=f"{self.new.label} stays: {kept}. Mend it and run again.",
                step=failure.step,
                doc="no-return",
            )
        try:
            outcome = self._go_back()
        except (StackError, OSError) as error:
            outcome = "Going back failed as well: {}".format(str(error).replace("\n", " "))
        mark_generation_failed(self.layout, self.new, old, why)
        return StackError(title, why=why, hint=outcome, step=failure.step, doc=failure.doc or "restore")

    def _kept_reason(self) -> str:
        if not self._new_ran or self.old is None or self._data_saved:
            return ""
        return no_return_reason(self.new.manifest["data"], newer=self.new.version, older=self.old.version)

    def _go_back(self) -> str:
        old = self.old
        if self._data_saved and self._acted:
            systemctl("stop", self.unit)
            self._hook("restore", self.new, list(self.new.manifest["data"]["restore"]))
        self._flip_current(old.number if old else NOTHING)
        self._restore_live()
        if old is None:
            return self._go_back_to_nothing()
        if old.number == self.new.number:
            # The note stays: the next run tries again.
            return "There is no other generation to go back to."
        trouble = self._restore_unit(old)
        touched = self._act_back(old)
        remove_file(self.layout.pending)
        if trouble:
            return f"{old.label} still runs; {trouble}."
        return "{} {}.".format(old.label, "was put back and answers" if touched else "still runs, untouched")

    def _act_back(self, old: Generation) -> bool:
        """Bring the process back to the old generation and prove it; False when it was never brought away from it."""
        state = state_of(self.unit)
        if self.effect == "stop" or not (self._acted or state.is_active):
            return False
        prober = prober_of(self.layout, old)
        if not state.is_active or restart_key_of(state.main_pid) != old.restart_key:
            reset_failed(self.unit)
            systemctl("restart", self.unit)
        elif self._acted and self.effect == "reload":
            prober.reload(old.reload)
        elif not self._acted:
            return False
        prober.wait_ready(timeout=float(old.manifest["ready_timeout"]), restart_key=old.restart_key)
        return True

    def _restore_unit(self, old: Generation) -> str:
        if read_bytes(self.layout.unit_file) == old.unit_text.encode():
            return ""
        write_file(self.layout.unit_file, old.unit_text.encode(), mode=0o644)
        try:
            daemon_reload()
        except StackError as error:
            return f"its unit file is the old one again, but {error.why}"
        return ""

    def _restore_live(self) -> None:
        for path, content in self._live_before.items():
            if content is None:
                remove_file(os.path.join(self.layout.live, path))
            else:
                write_below(self.layout.live, FileWish(path, content, 0o640, "none", True), gid=self.gid)

    def _go_back_to_nothing(self) -> str:
        """A first install failed: leave no unit and no link, or the installation that was there."""
        if self._acted:
            systemctl("stop", self.unit)
        if os.path.islink(self.layout.etc_link):
            remove_file(self.layout.etc_link)
        if _adoption.is_ours(self.layout.unit_file):
            if not (self.takeover and self.takeover.moves):
                systemctl("disable", self.unit)
            remove_file(self.layout.unit_file)
        if self.takeover:
            _adoption.undo(self.takeover)
            if self._was_active:
                reset_failed(self.unit)
                systemctl("restart" if self._acted else "start", self.unit)
            remove_file(self.layout.pending)
            answer = state_of(self.unit)
            former = [unit["name"] for unit in self.takeover.units if unit["active"]]
            runs = answer.is_active or any(state_of(name).is_active for name in former)
            return "The installation that was there {}.".format(
                "runs again" if runs else "was put back, but does not run"
            )
        trouble = ""
        try:
            daemon_reload()
        except StackError as error:
            trouble = " " + error.why
        reset_failed(self.unit)
        remove_file(self.layout.pending)
        return f"Nothing was installed before, and nothing runs now.{trouble}"


def mark_generation_failed(layout: Layout, new: Generation, old: Generation | None, why: str) -> None:
    """Note in the manifest of a generation that it failed, unless it is the one that runs."""
    if old is None or old.number != new.number:
        try:
            mark_generation(layout, new, "failed", failure=why[:2000])
        except OSError:
            pass  # A full disk must not hide why the switch failed.


def release_of_process(executable: str, layout: Layout) -> str:
    """Release folder name a running executable is from, "" when it is not one of ours."""
    prefix = layout.releases + "/"
    return executable[len(prefix) :].split("/", 1)[0] if executable.startswith(prefix) else ""


def settle_measures(layout: Layout, generation: Generation | None, conditions: list[Mapping[str, Any]]) -> list[Any]:
    """What the settle conditions measure before a change."""
    if generation is None or not conditions:
        return [None] * len(conditions)
    return prober_of(layout, generation).measure_all(conditions)
