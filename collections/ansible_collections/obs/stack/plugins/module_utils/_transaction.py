# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A service as a transaction: plan, stage, check, flip, act, probe, commit, or restore.

The order is design, not taste: whatever can be known to be wrong is found before anything changes.

What only a change needs is imported where that begins: most runs change nothing, and a host compiles all that a module
imports anew in each task.
"""

from __future__ import annotations

import os
import platform
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from ._accounts import ensure_account, ids_of, missing_parts
from ._adoption import Takeover, plan_takeover, refuse_unless_adopted
from ._delivery import bring_release, needed_from_controller, verifiable_release
from ._digest import sha256
from ._errors import StackError
from ._files import filesystem_bytes, make_directory, remove_file, remove_tree, write_json
from ._generation import Draft, Generation, compose
from ._inspect import Host, inspect
from ._layout import NOTHING, Layout
from ._lock import locked
from ._masking import Masker
from ._outcome import Outcome, difference, masked_error
from ._phase import phase
from ._plan import Desired, Plan, make_plan
from ._process import executable_of
from ._refusals import refuse_what_is_wrong
from ._releases import find_release, share_release
from ._stage import (
    disk_error,
    ensure_home,
    load_generation,
    secrets_on_disk,
    stage_generation,
    write_below,
    write_generation,
)
from ._systemd import state_of
from ._wish import UNKNOWN, ReleaseForHost, Wish


def apply(wish: Wish, *, check_mode: bool, with_diff: bool) -> tuple[Outcome, Masker]:
    """Make a service what its wish says.

    Args:
        wish: what is wanted.
        check_mode: only tell; nothing is written, nothing fetched.
        with_diff: add before and after of every changed file.

    Returns:
        The outcome, and the masker every text of it has passed.

    Raises:
        StackError: what failed, in which step, and what runs now; already masked.
    """
    layout = Layout(root=wish.root, name=wish.name)
    if wish.data_path:
        wish = wish.sized(filesystem_bytes(wish.data_path))
    masker = Masker(wish.secrets + _secrets_on_disk(layout))
    try:
        # A lock needs the service's folder, and what is not there needs no lock to stay away.
        if check_mode or (wish.state == "absent" and not os.path.isdir(layout.home)):
            return _Run(wish, layout, masker, check_mode=check_mode, with_diff=with_diff).run(), masker
        _ensure(layout)
        with locked(layout.lock, name=wish.name, patience=wish.lock_timeout):
            return _Run(wish, layout, masker, check_mode=False, with_diff=with_diff).run(), masker
    except StackError as error:
        raise masked_error(error, masker) from None


def _ensure(layout: Layout) -> None:
    try:
        ensure_home(layout)
    except OSError as error:
        raise disk_error(f"the folders of {layout.name}", layout.root, error) from error


def _secrets_on_disk(layout: Layout) -> list[str]:
    """Secrets of the generation that runs: the journal and the checker may quote those too."""
    number = layout.current_number()
    if not number:
        return []
    try:
        return secrets_on_disk(layout, load_generation(layout, number))
    except StackError:
        return []


class _Run:
    """One run over one service, under its lock (or in check mode)."""

    def __init__(self, wish: Wish, layout: Layout, masker: Masker, *, check_mode: bool, with_diff: bool) -> None:
        self.wish = wish
        self.layout = layout
        self.masker = masker
        self.check_mode = check_mode
        self.with_diff = with_diff
        self.outcome = Outcome()

    def run(self) -> Outcome:
        wish = self.wish
        if wish.state == "absent":
            from ._removal import remove_service

            return remove_service(wish, self.layout, self.outcome, check_mode=self.check_mode)
        host = inspect(self.layout, wish, create_key=not self.check_mode)
        self.outcome.warnings += host.warnings
        refuse_unless_adopted(wish, host.foreign)
        release = verifiable_release(wish, platform.machine())
        if wish.release.kind == "distribution":
            release = replace(release, version=release.version or (host.current.version if host.current else UNKNOWN))
            wish = self.wish = replace(wish, release=replace(wish.release, version=release.version))
        release_id, release_sha256 = find_release(self.layout, release)
        draft = compose(
            wish,
            release_id=release_id or release.id or release.version + "-new",
            release_sha256=release_sha256 or release.sha256,
            home=self.layout.home,
            key=host.key,
        )
        plan = make_plan(self._desired(draft), host.found)
        if release.lacks_package:
            plan = replace(plan, reasons=(f"package {wish.release.package} is not installed", *plan.reasons))
        self._describe(plan, host, draft)
        self.outcome.warnings += refuse_what_is_wrong(wish, host=host, plan=plan)
        if plan.action == "held":
            self._held(host)
            return self.outcome
        if self.check_mode:
            self._check_mode(host, draft, plan, release, release_id)
            return self.outcome
        if not plan.changed:
            return self.outcome
        needs = (plan.new_generation or plan.repair) and not release_id
        fetched = needs and not wish.archive and release.kind != "distribution"
        shared = share_release(self.layout, release) if fetched else None
        if shared is not None:
            release, needs = shared, False
            draft = compose(
                wish, release_id=release.id, release_sha256=release.sha256, home=self.layout.home, key=host.key
            )
        if needs:
            self.outcome.need_release = needed_from_controller(wish, self.layout, release)
            if self.outcome.need_release:
                return self.outcome
        phase("planned")
        self._carry_out(host, plan, draft, release, fetch_release=needs, shared=shared is not None)
        return self.outcome

    # -- plan ---------------------------------------------------------------------------------------------------

    def _desired(self, draft: Draft) -> Desired:
        new = draft.generation
        return Desired(
            state=self.wish.state,
            enabled=self.wish.enabled,
            version=new.version,
            release_id=new.release_id,
            digest=new.digest,
            restart_key=new.restart_key,
            unit_digest=str(new.manifest["unit"]),
            files=new.files,
            live={item.path: sha256(item.content) for item in self.wish.live},
            reloads=bool(self.wish.reload.get("signal")),
        )

    def _describe(self, plan: Plan, host: Host, draft: Draft) -> None:
        new, old, outcome = draft.generation, host.current, self.outcome
        outcome.changed = plan.changed
        outcome.action = plan.action
        outcome.reloaded, outcome.restarted = plan.reloaded, plan.restarted
        outcome.reasons = list(plan.reasons)
        outcome.generation = old.number if old else NOTHING
        outcome.from_ = {"version": old.version, "generation": old.number} if old else {}
        outcome.to = dict(outcome.from_)
        if plan.new_generation:
            number = self._next_number()
            outcome.to = {"version": new.version, "generation": number}
            outcome.generation = number
        if self.with_diff and plan.changed:
            outcome.diff = difference(
                self.wish, self.layout, self.masker, host=host, plan=plan, draft=draft, to=outcome.to
            )
            from . import _replacement

            outcome.diff += _replacement.foretell(self.wish.root, plan.replaced)

    def _next_number(self) -> int:
        return max(self.layout.generation_numbers() or [NOTHING]) + 1

    def _held(self, host: Host) -> None:
        hold = host.hold
        name = self.wish.name
        self.outcome.warnings.append(
            f"{name} is held at {hold.get('version')} (generation {hold.get('generation')}) by the rollback of "
            f"{hold.get('by')} ({hold.get('at')}) from {hold.get('from_version')}: this wish is skipped until it "
            f"changes or the hold is lifted (playbooks/rollback.yml -e service={name} -e lift=true)."
        )

    # -- check mode ---------------------------------------------------------------------------------------------

    def _check_mode(self, host: Host, draft: Draft, plan: Plan, release: ReleaseForHost, release_id: str) -> None:
        if not plan.new_generation and not plan.live_changed:
            return
        reason = ""
        missing = missing_parts(self.wish.account)
        if release.lacks_package:
            reason = f"package {self.wish.release.package} is not installed yet"
        elif not release_id:
            reason = "the release is not on the host yet"
        elif missing:
            reason = "{} does not exist yet".format(" and ".join(missing))
        elif not os.path.isdir(self.layout.live):
            reason = "the folders of the service do not exist yet"
        if reason:
            self.outcome.validated, self.outcome.not_validated_because = False, reason
            return
        import tempfile

        ids = ids_of(self.wish.account) or (0, 0)
        with tempfile.TemporaryDirectory(prefix="obs-check-", dir="/run") as folder:
            os.chmod(folder, 0o755)  # noqa: S103  the service's account must get to the generation below it
            generation = os.path.join(folder, "generation")
            write_generation(generation, draft, number=NOTHING, gid=ids[1], created="")
            self._check(host, draft.generation, generation, os.path.join(folder, "live"), ids[1])

    def _check(self, host: Host, new: Generation, folder: str, live: str, gid: int) -> None:
        """Ask the new release itself and its checkers, as the service's account and without a network.

        Raises:
            StackError: in the checker's own words.
        """
        from ._check import check_generation
        from ._questions import ask_questions

        if self.wish.live:
            make_directory(live, mode=0o750, gid=gid)
            for item in self.wish.live:
                write_below(live, item, gid=gid)
        old = host.current
        unchanged = f"Nothing was changed: {self._what_runs(host)}."
        staged_live = live if self.wish.live else ""
        adopted_etc = os.path.isdir(self.layout.etc_link) and not os.path.islink(self.layout.etc_link)
        check_generation(
            self.layout,
            new,
            folder,
            title="Could not {} {}{} to {}".format(
                self.outcome.action, self.wish.name, " from " + old.label if old else "", new.label
            ),
            unchanged=unchanged,
            live=staged_live,
            adopted_etc=adopted_etc,
        )
        # What is only reloaded has its connections already: a rule must not wait for a bucket.
        if old is None or old.restart_key != new.restart_key:
            ask_questions(
                self.layout,
                new,
                folder,
                questions=self.wish.questions,
                environment=self.wish.environment,
                unchanged=unchanged,
                live=staged_live,
                adopted_etc=adopted_etc,
            )
        self.outcome.validated = True

    def _what_runs(self, host: Host) -> str:
        if host.current is not None:
            return f"{host.current.label} still runs"
        return "the installation that was there still runs" if host.foreign.findings else "nothing is installed"

    # -- carry out ----------------------------------------------------------------------------------------------

    def _carry_out(
        self, host: Host, plan: Plan, draft: Draft, release: ReleaseForHost, *, fetch_release: bool, shared: bool
    ) -> None:
        from . import _replacement
        from ._prune import prune
        from ._switch import prober_of, settle_measures

        wish, layout = self.wish, self.layout
        uid, gid = ensure_account(wish.account, home=wish.data_path)
        phase("account")
        if fetch_release:
            release, warnings = bring_release(wish, layout, release)
            self.outcome.warnings += warnings
            draft = compose(wish, release_id=release.id, release_sha256=release.sha256, home=layout.home, key=host.key)
        phase("release")
        staged_release = release.id if fetch_release or shared else ""
        if plan.new_generation or host.current is None:
            number = self._next_number()
            new = stage_generation(layout, draft, number=number, gid=gid, created=_now())
        else:
            new = host.current
        phase("generation")
        try:
            self._prepare_places(uid, gid)
            if plan.new_generation or plan.live_changed:
                self._check(host, new, layout.generation(new.number), layout.live_staging, gid)
        except (StackError, OSError):
            self._discard(host, new if plan.new_generation else None, staged_release)
            raise
        finally:
            remove_tree(layout.live_staging)
        phase("checked")
        before = settle_measures(layout, host.current, [dict(item) for item in wish.settle])
        with self._quiet(plan, new):
            self._switch(host, plan, new, gid)
            self._record_live(plan)
            remove_file(layout.hold)
            running = executable_of(state_of(layout.unit_name).main_pid)
            prune(layout, keep=wish.keep_generations, current=new, running=running)
            phase("pruned")
            self.outcome.to = {"version": new.version, "generation": new.number}
            if plan.effect in ("restart", "start") and wish.settle:
                prober_of(layout, new).wait_settled(
                    [dict(item) for item in wish.settle], before, timeout=wish.settle_timeout
                )
                # Peers exchange silences and notification logs by gossip after they are members: nothing can be polled.
                time.sleep(wish.settle_seconds if host.current is not None else 0)
        for name in plan.replaced:
            _replacement.replace(wish.root, name, by=wish.name, patience=wish.lock_timeout)

    def _quiet(self, plan: Plan, new: Generation) -> AbstractContextManager[None]:
        """Holds back the alerts that the change itself raises; nothing where what runs goes on running."""
        wish = self.wish
        if not plan.interrupts or not wish.deploy.get("silences"):
            return nullcontext()
        from ._quiet import longest, quiet

        return quiet(
            wish.deploy,
            service=wish.name,
            lasts=longest(wish.ready_timeout) + wish.settle_timeout + wish.settle_seconds,
            why=f"{plan.action} to {new.label}",
            warn=self.outcome.warnings.append,
        )

    def _prepare_places(self, uid: int, gid: int) -> None:
        """Folders and links around a generation that change nothing for what runs."""
        wish, layout = self.wish, self.layout
        make_directory(layout.obs_etc, mode=0o755)
        make_directory(layout.live, mode=0o750, gid=gid)
        if not os.path.lexists(layout.etc_link):
            os.symlink(layout.current_etc, layout.etc_link)
        if wish.data_path:
            make_directory(wish.data_path, mode=int(str(wish.data.get("mode") or "0750"), 8), uid=uid, gid=gid)

    def _discard(self, host: Host, generation: Generation | None, release_id: str) -> None:
        """Take away what was staged for a change that was refused."""
        if generation is not None:
            remove_tree(self.layout.generation(generation.number))
        if release_id and (host.current is None or host.current.release_id != release_id):
            remove_tree(self.layout.release(release_id))
        if host.current is None and os.path.islink(self.layout.etc_link):
            remove_file(self.layout.etc_link)

    def _switch(self, host: Host, plan: Plan, new: Generation, gid: int) -> None:
        from . import _replacement
        from ._switch import Switch

        takeover = None
        if plan.action == "adopt":
            takeover = plan_takeover(self.wish, self.layout, host.foreign)
            earlier = host.pending.get("takeover")
            if earlier:
                done = Takeover.from_plain(earlier)
                takeover.moves = done.moves + takeover.moves
                takeover.units = done.units + takeover.units
        wanted = {item.path: item for item in self.wish.live}
        Switch(
            layout=self.layout,
            old=host.proven,
            new=new,
            effect=plan.effect,
            gid=gid,
            write_unit=plan.write_unit,
            enable=plan.enable,
            prove=plan.prove,
            live=[wanted[path] for path in plan.live_changed],
            live_removed=list(plan.live_removed),
            takeover=takeover,
            action=plan.action,
            begin=plan.effect == "start" and _replacement.prepare(self.wish.root, plan.replaced),
        ).perform()

    def _record_live(self, plan: Plan) -> None:
        if plan.live_changed or plan.live_removed or not os.path.exists(self.layout.live_record):
            write_json(self.layout.live_record, {item.path: sha256(item.content) for item in self.wish.live})


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
