# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Judge a service's whole configuration on the controller, with the vendors' checkers and no host in reach.

The files are written to a private folder, with the paths of /etc/<name> and /etc/obs/<name> in them naming that folder.
So the checkers need no root; their words are told with the real paths.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._delivery import same_origin_warning, verifiable_release
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._generation import compose
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout
from ansible_collections.obs.stack.plugins.module_utils._masking import Masker, mask_by_key
from ansible_collections.obs.stack.plugins.module_utils._wish import UNKNOWN, FileWish, Wish
from ansible_collections.obs.stack.plugins.plugin_utils._release import programs_of, with_sha256
from ansible_collections.obs.stack.plugins.plugin_utils._relocation import Relocation, origin_of
from ansible_collections.obs.stack.plugins.plugin_utils._stand_in import stand_in_for

CHECK_SECONDS = 120
QUOTED_LINES = 6
PASSED = re.compile(r"Checking (?!.*FAILED)|SUCCESS: ")  # what promtool and amtool say of files that are right
DATA_BYTES = 100 << 30  # stands for the data file system, whose size only the host knows
FOUND_ON_PATH = "/usr/local/bin:/usr/bin:/bin"


class Refused(Exception):
    """One checker refuses. ``words``: what it said, with real paths."""

    def __init__(self, check: str, words: str) -> None:
        super().__init__(words)
        self.check = check
        self.words = words


def validate(
    payload: Mapping[str, Any], origins: Sequence[dict[str, str]], *, host: str, scratch: str
) -> tuple[dict[str, Any], list[str]]:
    """Judge what a host half would be handed.

    Args:
        payload: as ``build`` made it.
        origins: ``path``, ``variable`` and ``src`` of the entries behind its files.
        host: name of the host it is for.
        scratch: folder of the controller for private temporary files; they are gone on return.

    Returns:
        Return values of the task, and warnings.

    Raises:
        StackError: a checker refuses; all of them have been asked.
    """
    wish = Wish.from_plain(payload)
    if wish.state == "absent":
        return {"validated": True, "version": "", "not_judged": []}, []
    wish = wish.sized(DATA_BYTES)
    # Arguments, environment and unit are refused here as they would be on the host.
    compose(wish, release_id="", release_sha256="", home=Layout(wish.root, wish.name).home, key=b"-")
    answer: dict[str, Any] = {"version": wish.release.version or UNKNOWN, "not_judged": []}
    try:
        programs, warnings = _programs(wish)
    except StackError as error:
        return dict(answer, validated=False, not_validated_because=f"{error.what}: {error.why}".rstrip(": ")), []
    root = tempfile.mkdtemp(prefix="obs-validate-", dir=scratch)  # 0700: secrets are in it
    try:
        bench = Bench(wish, programs, Relocation(wish.name, os.path.realpath(root)))
        refusals = bench.judge()
    except OSError as error:
        raise StackError(
            f"Could not lay out the configuration of {wish.name} of {host} in {scratch}",
            why=error.strerror or str(error),
            step="check",
            doc="input",
        ) from error
    finally:
        shutil.rmtree(root)
    if refusals:
        raise _refusal(wish, host, refusals, origins)
    answer["not_judged"] = sorted(bench.relocation.stand_ins + bench.absent_checkers)
    warnings += [
        f"{path} of {wish.name} on {host} is on the host only and was not judged here." for path in answer["not_judged"]
    ]
    return dict(answer, validated=True), warnings


def _programs(wish: Wish) -> tuple[str, list[str]]:
    """The folder with bin/ of the release for this machine, and a warning about where its sha256 came from."""
    if platform.system() != "Linux":
        raise StackError(
            f"Could not run the checkers of {wish.name}",
            why=f"they are for Linux, the controller is {platform.system()}",
        )
    found = verifiable_release(wish, platform.machine())
    if found.lacks_package:
        raise StackError(
            f"Could not run the checkers of {wish.name}",
            why=f"package {wish.release.package} is not installed on the controller",
        )
    release, same_origin = with_sha256(found, wish.fetch)
    warnings = [same_origin_warning(wish.name, release.version)] if same_origin else []
    return programs_of(wish.name, release, wish.fetch), warnings


def _refusal(wish: Wish, host: str, refusals: Sequence[Refused], origins: Sequence[dict[str, str]]) -> StackError:
    """All refusals as one error that names files and the variables they came from."""
    masker = Masker(wish.secrets)
    said = "\n".join(refusal.words for refusal in refusals)
    prefix = f"/etc/{wish.name}/"
    named = []
    for item in wish.files:
        if prefix + item.path in said:
            words = origin_of(item.path, origins)
            named.append(f"{prefix}{item.path} ({words})" if words else prefix + item.path)
    return StackError(
        f"Could not validate {wish.name} {wish.release.version} of {host}",
        why="; ".join(dict.fromkeys(mask_by_key(masker.mask(f"{one.check} {one.words}")) for one in refusals)),
        hint="Correct {}.".format(", ".join(named)) if named else "",
        step="check",
        doc="check",
    )


class Bench:
    """The copies of one service's files in a folder, and its checkers run on them."""

    def __init__(self, wish: Wish, programs: str, relocation: Relocation) -> None:
        self.wish = wish
        self.programs = programs
        self.relocation = relocation
        self.absent_checkers: list[str] = []
        layout = Layout(wish.root, wish.name)
        self._release = os.path.join(layout.current, "release")
        self._folders = (layout.etc_link, layout.live, os.path.join(layout.obs_etc, "rules.d"))
        self._files: list[tuple[str, FileWish]] = [(layout.etc_link, item) for item in wish.files]
        self._files += [(layout.live, item) for item in wish.live]
        self._texts = [text for _folder, item in self._files if (text := _text(item.content)) is not None]
        self._texts += [word for check in wish.checks for word in check["argv"]]

    def judge(self) -> list[Refused]:
        """Ask the release for its version, then every checker; returns those that refuse."""
        self._lay_out()
        refusals = []
        version_argv = list(self.wish.release.version_argv)
        if version_argv and self.wish.release.kind != "distribution":
            binary = self.wish.executable
            refusals += self._ask(" ".join([binary, *version_argv]), [binary, *version_argv], self.wish.release.version)
        for check in self.wish.checks:
            refusals += self._ask(check["name"], list(check["argv"]))
        return refusals

    def _lay_out(self) -> None:
        for folder in self._folders:
            os.makedirs(self.relocation.place(folder), mode=0o700, exist_ok=True)
        for folder, item in self._files:
            text = _text(item.content)
            content = item.content if text is None else self.relocation.inwards(text).encode()
            _write(self.relocation.place(os.path.join(folder, item.path)), content)

    def _ask(self, name: str, argv: list[str], expect: str = "") -> list[Refused]:
        """Run one checker, again after giving it a stand-in for each file that only the host has."""
        while True:
            command = self._command(argv)
            if not command:
                self.absent_checkers.append(argv[0])
                return []
            code, said = _run(command, self.relocation.root)
            said = self.relocation.outwards(said).replace(self.programs + "/bin/", "")
            said = said.replace(self.programs, self._release)
            missing = self.relocation.only_on_host(said, self._texts) if code else []
            if not missing:
                break
            self._stand_in(missing)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        if code:
            lines = [line for line in lines if not PASSED.match(line)] or lines
            words = " | ".join(lines[-QUOTED_LINES:]) or "no word"
            return [Refused(name, f"refuses (status {code}): {words}")]
        if expect not in said:
            first = lines[0] if lines else "nothing"
            return [Refused(name, f"says {first!r}, wanted version {expect}")]
        return []

    def _stand_in(self, paths: Sequence[str]) -> None:
        for path in paths:
            _write(self.relocation.place(path), stand_in_for(path))
        self.relocation.stand_ins += paths
        self._lay_out()

    def _command(self, argv: Sequence[str]) -> list[str]:
        """The command with its copies; empty when it is a program of the host that the controller does not have."""
        if argv[0].startswith("/"):
            program = argv[0] if os.access(argv[0], os.X_OK) else ""
        else:
            program = os.path.join(self.programs, "bin", argv[0])
        words = [self.relocation.inwards(word).replace(self._release, self.programs) for word in argv[1:]]
        return [program] + words if program else []


def _run(command: Sequence[str], folder: str) -> tuple[int, str]:
    """Run a checker with nothing of the controller's environment; its status and all it said."""
    environment = {"PATH": FOUND_ON_PATH, "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"no end after {CHECK_SECONDS} s"
    except OSError as error:
        return 126, str(error)
    parts = (part.decode("utf-8", "replace").strip() for part in (done.stdout, done.stderr))
    return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(part for part in parts if part))


def _text(content: bytes) -> str | None:
    """Content as text; None for what is not."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
