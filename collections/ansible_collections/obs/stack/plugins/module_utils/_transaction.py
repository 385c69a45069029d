# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A service as a transaction: plan, stage, check, flip, act, probe, commit, or restore.

The order is design, not taste: whatever can be known to be wrong is found before anything changes.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import _adoption
from ._accounts import ensure_account, ids_of, missing_parts
from ._check import check_generation
from ._checksums import find as find_checksum
from ._digest import sha256
from ._errors import StackError
from ._fetch import fetch, fetch_text
from ._files import filesystem_bytes, make_directory, remove_file, remove_tree, write_json
from ._generation import Draft, Generation, compose
from ._inspect import Host, inspect, text_of
from ._layout import NOTHING, Layout
from ._lock import locked
from ._masking import MASK, Masker, mask_by_key
from ._phase import phase
from ._plan import Desired, Plan, make_plan, plan_text
from ._process import executable_of, family_of, listeners, name_of, overlaps, owner_of
from ._prune import prune
from ._stage import (
    disk_error,
    ensure_home,
    find_release,
    load_generation,
    secrets_on_disk,
    stage_generation,
    stage_release,
    write_below,
    write_generation,
)
from ._switch import Switch, prober_of, settle_measures
from ._systemd import state_of
from ._wish import ReleaseForHost, Wish


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
    need_release: dict[str, str] | None = None

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


def masked_error(error: StackError, masker: Masker) -> StackError:
    """The same error with every known secret blanked."""

    def hide(text: str) -> str:
        return mask_by_key(masker.mask(text))

    return StackError(hide(error.what), why=hide(error.why), hint=hide(error.hint), step=error.step, doc=error.doc)


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
            from ._removal import remove_service  # pylint: disable=import-outside-toplevel

            return remove_service(wish, self.layout, self.outcome, check_mode=self.check_mode)
        host = inspect(self.layout, wish, create_key=not self.check_mode)
        self.outcome.warnings += host.warnings
        _adoption.refuse_unless_adopted(wish, host.foreign)
        release = self._release()
        release_id, release_sha256 = find_release(self.layout, release)
        draft = compose(
            wish,
            release_id=release_id or release.id or release.version + "-new",
            release_sha256=release_sha256 or release.sha256,
            home=self.layout.home,
            key=host.key,
        )
        plan = make_plan(self._desired(draft), host.found)
        self._describe(plan, host, draft)
        self._refuse(plan, host)
        if plan.action == "held":
            self._held(host)
            return self.outcome
        if self.check_mode:
            self._check_mode(host, draft, plan, release_id)
            return self.outcome
        if not plan.changed:
            return self.outcome
        needs = (plan.new_generation or plan.repair) and not release_id
        if needs and not wish.archive and wish.fetch.get("from") != "host":
            self.outcome.need_release = {
                "arch": release.arch,
                "url": release.url,
                "sha256": release.sha256,
                "checksums_url": release.checksums_url,
            }
            return self.outcome
        phase("planned")
        self._carry_out(host, plan, draft, release, fetch_release=needs)
        return self.outcome

    # -- plan ---------------------------------------------------------------------------------------------------

    def _release(self) -> ReleaseForHost:
        release = self.wish.release.for_machine(platform.machine())
        if not release.sha256 and not release.checksums_url:
            raise StackError(
                f"Could not verify {self.wish.name} {release.version} for {release.arch}",
                why="no sha256 is known for this version and architecture, and no checksum file is named",
                hint=f"Set {self.wish.name}_release_sha256: "
                f"{{{release.arch}: <sha256 of {os.path.basename(release.url)}>}}.",
                step="plan",
                doc="checksum",
            )
        return release

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
            adopt=self.wish.adopt,
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
            outcome.diff = self._diff(plan, host, draft)

    def _next_number(self) -> int:
        return max(self.layout.generation_numbers() or [NOTHING]) + 1

    def _diff(self, plan: Plan, host: Host, draft: Draft) -> list[dict[str, str]]:
        old, new = host.current, draft.generation
        before: dict[str, Any] = {"version": old.version, "generation": old.number} if old else {"version": "(none)"}
        before.update(enabled=host.unit.is_enabled, active=host.unit.is_active)
        after: dict[str, Any] = dict(self.outcome.to)
        after.update(
            enabled=self.wish.enabled if plan.enable is not None else host.unit.is_enabled,
            active=self.wish.state == "started",
        )
        if old is None or old.manifest["argv"] != new.manifest["argv"]:
            before["argv"] = " ".join(old.manifest["argv"]) if old else ""
            after["argv"] = " ".join(new.manifest["argv"])
        head, tail = plan_text(plan, before=before, after=after)
        entries = [_entry(self.layout.name, self.masker.mask(head), self.masker.mask(tail))]
        if plan.new_generation:
            etc = os.path.join(self.layout.generation(old.number), "etc") if old else "/nonexistent"
            paths = sorted(set(host.found.files) | set(new.files))
            for path in paths:
                was, will = host.found.files.get(path), new.files.get(path)
                if was and will and (was["digest"], was["mode"]) == (will["digest"], will["mode"]):
                    continue
                secret = bool((was or {}).get("secret") or (will or {}).get("secret"))
                content = draft.contents[path].content.decode("utf-8", "replace") if path in draft.contents else ""
                entries.append(
                    self._file_entry(
                        os.path.join(self.layout.etc_link, path), text_of(os.path.join(etc, path)), content, secret
                    )
                )
        wished = {item.path: item for item in self.wish.live}
        for path in plan.live_changed + plan.live_removed:
            item = wished.get(path)
            content = item.content.decode("utf-8", "replace") if item else ""
            target = os.path.join(self.layout.live, path)
            entries.append(self._file_entry(target, text_of(target), content, bool(item and item.secret)))
        if plan.write_unit:
            entries.append(_entry(self.layout.unit_file, text_of(self.layout.unit_file), new.unit_text))
        return entries

    def _file_entry(self, path: str, before: str, after: str, secret: bool) -> dict[str, str]:
        if secret:
            return _entry(path, MASK + "\n" if before else "", "(changed)\n" if after else "")
        return _entry(path, mask_by_key(self.masker.mask(before)), mask_by_key(self.masker.mask(after)))

    def _refuse(self, plan: Plan, host: Host) -> None:
        """What is known to be wrong before anything changes."""
        wish = self.wish
        ids = ids_of(wish.account)
        path = wish.data_path
        if path and os.path.isdir(path) and ids and os.stat(path).st_uid != ids[0]:
            raise StackError(
                f"Could not use the data folder {path} of {wish.name}",
                why="it belongs to user id {}, the service runs as {} (user id {})".format(
                    os.stat(path).st_uid, wish.account["user"], ids[0]
                ),
                hint="Give it to {} by hand (it is never changed recursively), or name another folder.".format(
                    wish.account["user"]
                ),
                step="plan",
                doc="data",
            )
        old = host.current
        if path and old is not None and old.data_path != path:
            self.outcome.warnings.append(
                f"{wish.name} will keep its data in {path}; what is in {old.data_path} stays there and is not read."
            )
        elif path and old is not None and not os.path.isdir(path):
            raise StackError(
                f"Could not find the data folder {path} of {wish.name}",
                why=f"it was there when {old.label} was installed, and this run does not begin empty",
                hint="Mount it, or make it empty by hand if the data is really to be given up.",
                step="plan",
                doc="data",
            )
        if plan.effect in ("start", "restart"):
            self._refuse_taken_port(host)

    def _refuse_taken_port(self, host: Host) -> None:
        probe = self.wish.probe
        if not probe.get("port"):
            return
        port, address = int(probe["port"]), str(probe.get("address") or "127.0.0.1")
        ours = [host.unit.main_pid] + [state_of(unit).main_pid for unit in host.foreign.units]
        family = {pid for main in ours if main for pid in family_of(main)}
        for entry in listeners(port):
            if not overlaps(address, entry.address):
                continue
            owner = owner_of(entry.inode)
            if owner is None or owner in family:
                continue
            raise StackError(
                f"Could not start {self.wish.name} on port {port}",
                why=f"{name_of(owner)} (process {owner}) listens there",
                hint=f"Stop it, or choose another port for {self.wish.name}. Nothing was changed.",
                step="plan",
                doc="port",
            )

    def _held(self, host: Host) -> None:
        hold = host.hold
        name = self.wish.name
        self.outcome.warnings.append(
            f"{name} is held at {hold.get('version')} (generation {hold.get('generation')}) by the rollback of "
            f"{hold.get('by')} ({hold.get('at')}) from {hold.get('from_version')}: this wish is skipped until it "
            f"changes or the hold is lifted (playbooks/rollback.yml -e service={name} -e lift=true)."
        )

    # -- check mode ---------------------------------------------------------------------------------------------

    def _check_mode(self, host: Host, draft: Draft, plan: Plan, release_id: str) -> None:
        if not plan.new_generation and not plan.live_changed:
            return
        reason = ""
        missing = missing_parts(self.wish.account)
        if not release_id:
            reason = "the release is not on the host yet"
        elif missing:
            reason = "{} does not exist yet".format(" and ".join(missing))
        elif not os.path.isdir(self.layout.live):
            reason = "the folders of the service do not exist yet"
        if reason:
            self.outcome.validated, self.outcome.not_validated_because = False, reason
            return
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
        if self.wish.live:
            make_directory(live, mode=0o750, gid=gid)
            for item in self.wish.live:
                write_below(live, item, gid=gid)
        old = host.current
        check_generation(
            self.layout,
            new,
            folder,
            title="Could not {} {}{} to {}".format(
                self.outcome.action, self.wish.name, " from " + old.label if old else "", new.label
            ),
            unchanged=f"Nothing was changed: {self._what_runs(host)}.",
            live=live if self.wish.live else "",
            adopted_etc=os.path.isdir(self.layout.etc_link) and not os.path.islink(self.layout.etc_link),
        )
        self.outcome.validated = True

    def _what_runs(self, host: Host) -> str:
        if host.current is not None:
            return f"{host.current.label} still runs"
        return "the installation that was there still runs" if host.foreign.findings else "nothing is installed"

    # -- carry out ----------------------------------------------------------------------------------------------

    def _carry_out(self, host: Host, plan: Plan, draft: Draft, release: ReleaseForHost, *, fetch_release: bool) -> None:
        wish, layout = self.wish, self.layout
        uid, gid = ensure_account(wish.account, home=wish.data_path)
        phase("account")
        if fetch_release:
            release, draft = self._bring_release(host, release)
        phase("release")
        staged_release = release.id if fetch_release else ""
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
        self._switch(host, plan, new, gid)
        self._record_live(plan)
        remove_file(layout.hold)
        prune(
            layout, keep=wish.keep_generations, current=new, running=executable_of(state_of(layout.unit_name).main_pid)
        )
        phase("pruned")
        self.outcome.to = {"version": new.version, "generation": new.number}
        if plan.effect in ("restart", "start") and wish.settle:
            prober_of(layout, new).wait_settled(
                [dict(item) for item in wish.settle], before, timeout=wish.settle_timeout
            )
            # Peers exchange silences and notification logs by gossip after they are members: there is nothing to poll.
            time.sleep(wish.settle_seconds if host.current is not None else 0)

    def _bring_release(self, host: Host, release: ReleaseForHost) -> tuple[ReleaseForHost, Draft]:
        """Unpack the release from the archive handed over, or fetch it here (``fetch.from: host``)."""
        archive = self.wish.archive
        how = self.wish.fetch
        if not release.sha256:
            name = os.path.basename(release.url)
            text = fetch_text(release.checksums_url, **fetch_options(how))
            release = replace(release, sha256=find_checksum(text, name))
            self.outcome.warnings.append(same_origin_warning(self.wish.name, release.version))
        if not archive:
            cache = str(how.get("cache_dir") or os.path.join(self.layout.root, ".cache"))
            archive = fetch(release.url, cache, sha256=release.sha256, **fetch_options(how)).path
        else:
            _verify(archive, release)
        stage_release(self.layout, release, archive)
        if not self.wish.archive:
            remove_file(archive)  # A host keeps what it unpacked, not the archive as well.
        draft = compose(
            self.wish, release_id=release.id, release_sha256=release.sha256, home=self.layout.home, key=host.key
        )
        return release, draft

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
        takeover = None
        if plan.action == "adopt":
            takeover = _adoption.plan_takeover(self.wish, self.layout, host.foreign)
            earlier = host.pending.get("takeover")
            if earlier:
                done = _adoption.Takeover.from_plain(earlier)
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
        ).perform()

    def _record_live(self, plan: Plan) -> None:
        if plan.live_changed or plan.live_removed or not os.path.exists(self.layout.live_record):
            write_json(self.layout.live_record, {item.path: sha256(item.content) for item in self.wish.live})


def fetch_options(how: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the download, as both halves pass them on."""
    return {
        "mirror": str(how.get("mirror") or ""),
        "proxy": str(how.get("proxy") or ""),
        "ca_path": str(how.get("ca_path") or ""),
        "headers": dict(how.get("headers") or {}),
        "timeout": float(how.get("timeout") or 60),
    }


def same_origin_warning(name: str, version: str) -> str:
    """The warning that goes with a checksum from the release itself."""
    return (
        f"The sha256 of {name} {version} came from the release's own checksum file: "
        f"it proves the transfer, not the origin. Pin it with {name}_release_sha256."
    )


def _verify(archive: str, release: ReleaseForHost) -> None:
    """Hash what was handed over once more, on the host that unpacks it."""
    import hashlib  # pylint: disable=import-outside-toplevel

    digest = hashlib.sha256()
    with open(archive, "rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            digest.update(chunk)
    if digest.hexdigest() != release.sha256:
        raise StackError(
            f"Could not use the archive of {os.path.basename(release.url)}",
            why=f"its sha256 is {digest.hexdigest()}, wanted {release.sha256}",
            hint="Nothing was changed. Fetch it again; if it stays so, the archive is not the one that was released.",
            step="stage",
            doc="checksum",
        )


def _entry(path: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
