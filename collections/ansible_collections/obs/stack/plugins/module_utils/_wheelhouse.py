# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Make a Python release from a wheelhouse: an archive of wheels, pip's among them, with a requirements.lock of hashes.

Nothing is asked of an index. The packages go into a folder of the release and not into a virtual environment, whose
programs name the path they were made at: a release is made beside and renamed. All of it is root's, so a service cannot
rewrite its own code.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping

from ._archive import ArchiveError, sync_tree, unpack
from ._errors import StackError
from ._files import remove_tree, write_file
from ._systemd import run

LOCK = "requirements.lock"
PACKAGES = "packages"
INSTALL_SECONDS = 600
ENTRY = re.compile(r"^(?P<module>[A-Za-z_][\w.]*):(?P<function>[A-Za-z_]\w*)$")
_TAG = re.compile(r"^python3\.\d+$")

LAUNCHER = """\
#!{python} -Iu
# Starts {name} from the packages of its own release, and from nowhere else.
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), {packages!r}))
from {module} import {function}

sys.argv[0] = {name!r}
sys.exit({function}())
"""


def interpreter_tag(python: str) -> str:
    """``python3.11`` for the interpreter that a path such as ``/usr/bin/python3`` leads to.

    Raises:
        StackError: there is none, or its name does not tell its version.
    """
    found = os.path.basename(os.path.realpath(python))
    if not os.path.exists(python) or not _TAG.match(found):
        raise StackError(
            f"Could not use {python} as the interpreter of a release",
            why="it is not there" if not os.path.exists(python) else f"it leads to {found}",
            hint="Set release.python to one such as /usr/bin/python3.11.",
            step="plan",
            doc="wheelhouse",
        )
    return found


def launcher(name: str, entry: str, python: str) -> str:
    """The program below bin/ that calls ``module:function`` of the release's packages.

    Raises:
        StackError: the entry is not of that form.
    """
    match = ENTRY.match(entry)
    if not match:
        raise StackError(
            f"Could not make the program {name}",
            why=f"{entry!r} is not of the form module:function",
            hint="Correct release.binaries.",
            step="stage",
            doc="wheelhouse",
        )
    return LAUNCHER.format(python=python, name=name, packages=PACKAGES, **match.groupdict())


def install_wheelhouse(
    archive: str, dest: str, final: str, *, url_name: str, binaries: Mapping[str, str], python: str
) -> None:
    """Unpack a wheelhouse, install what its lock names into ``dest``, and make the programs below ``dest/bin``.

    Args:
        archive: the file (tar.gz or zip) with ``requirements.lock`` and wheels, pip's among them.
        dest: folder to make; it must not exist.
        final: where the caller puts it afterwards; the bytecode names these paths.
        url_name: how messages call the archive.
        binaries: name under dest/bin -> ``module:function``.
        python: the interpreter, an absolute path.

    Raises:
        StackError: the archive is damaged, a wheel is missing, is for another interpreter or has another hash, or a
            program cannot be made. Nothing is left of dest.
    """
    old = os.umask(0o022)
    try:
        unpack(archive, dest, url_name=url_name, binaries={})
        _install(dest, url_name, python)
        _compile(dest, final, python)
        for name, entry in sorted(binaries.items()):
            write_file(os.path.join(dest, "bin", name), launcher(name, entry, python).encode(), mode=0o755)
        sync_tree(dest)
    except BaseException:
        remove_tree(dest)
        raise
    finally:
        os.umask(old)


def _install(dest: str, url_name: str, python: str) -> None:
    lock = os.path.join(dest, LOCK)
    pip = sorted(glob.glob(os.path.join(glob.escape(dest), "**", "pip-*.whl"), recursive=True))
    if not os.path.exists(lock) or not pip:
        raise ArchiveError(
            f"Could not install {url_name}",
            why=f"it has no {LOCK}" if not os.path.exists(lock) else "it has no wheel of pip",
            hint="A wheelhouse has requirements.lock, with hashes, and every wheel that it names, and pip's own.",
            doc="wheelhouse",
        )
    wheels = os.path.dirname(pip[-1])
    argv = [python, "-I", os.path.join(pip[-1], "pip"), "install", "--no-index", "--find-links", wheels]
    argv += ["--only-binary", ":all:", "--require-hashes", "--no-deps", "--no-compile", "--no-cache-dir", "--quiet"]
    argv += ["--disable-pip-version-check", "--target", os.path.join(dest, PACKAGES), "--requirement", lock]
    code, _output, errors = run(argv, timeout=INSTALL_SECONDS)
    if code != 0:
        raise ArchiveError(
            f"Could not install {url_name} for {os.path.basename(os.path.realpath(python))}",
            why=_cause(errors),
            hint="Nothing was changed. Build the wheelhouse for this interpreter and architecture.",
            doc="wheelhouse",
        )
    for wheel in glob.glob(os.path.join(glob.escape(wheels), "*.whl")):
        os.unlink(wheel)
    # Programs of the packages name the interpreter alone and would not find their packages.
    remove_tree(os.path.join(dest, PACKAGES, "bin"))
    os.makedirs(os.path.join(dest, "bin"), exist_ok=True)


def _compile(dest: str, final: str, python: str) -> None:
    """Compile once, as root: a service cannot write beside its code, and would compile at every start."""
    packages = os.path.join(dest, PACKAGES)
    run([python, "-I", "-m", "compileall", "-q", "-j", "0", "-s", dest, "-p", final, packages], timeout=INSTALL_SECONDS)


def _cause(errors: str) -> str:
    """pip's own reason in one line: the first line that says ERROR, else the last one."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    said = [line.split("ERROR:", 1)[1].strip() for line in lines if "ERROR:" in line]
    return (said or lines[-1:] or ["pip said nothing"])[0][:300]
