# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a task's options can be seen to be wrong without looking at any host."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._additions import check_additions
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._layout import NAME

VERSION = re.compile(r"^[0-9]+(\.[0-9]+){1,3}([-+][0-9A-Za-z.+-]+)?$")
PACKAGE = re.compile(r"^[a-z0-9][a-z0-9+.-]*(=[\w.+~:*-]+)?$")
HEX_SHA256 = re.compile(r"^[0-9a-f]{64}$")


def bad(what: str, why: str, hint: str) -> StackError:
    """A refusal of the declaration itself."""
    return StackError(what, why=why, hint=hint, step="input", doc="input")


def check_input(options: Mapping[str, Any]) -> None:
    """Refuse what can be seen to be wrong without looking at any host.

    Raises:
        StackError: naming the value and the variable it came from.
    """
    name = options["name"]
    if not NAME.match(name):
        raise bad(f"Could not use {name!r} as the name of a service", "it is not of the form [a-z][a-z0-9_-]*", "")
    for path_key in ("root",):
        if not str(options[path_key]).startswith("/"):
            raise bad(f"Could not use {path_key} {options[path_key]!r}", "it is not an absolute path", "")
    _check_replaced(name, options["replaces"])
    if options["state"] == "absent":
        return
    release = options["release"]
    if release["kind"] == "distribution":
        _check_package(name, release)
    else:
        _check_archive(name, release)
    if options["command"][0] not in release["binaries"]:
        raise bad(
            f"Could not use the command of {name}",
            "{!r} is none of its binaries ({})".format(options["command"][0], ", ".join(release["binaries"])),
            "",
        )
    data_path = (options.get("data") or {}).get("path") or ""
    if data_path and not data_path.startswith("/"):
        raise bad(
            f"Could not use the data folder {data_path!r} of {name}",
            "it is not an absolute path",
            f"Set {name}_data_dir to an absolute path.",
        )
    if options["keep_generations"] < 2:
        raise bad(
            "Could not keep {} generations of {}".format(options["keep_generations"], name),
            "without the previous one there is nothing to go back to",
            f"Set {name}_keep_generations to 2 or more.",
        )


def _check_replaced(name: str, replaced: Sequence[str]) -> None:
    for other in replaced:
        if other == name or not NAME.match(other):
            raise bad(
                f"Could not replace {other!r} by {name}",
                "a service does not replace itself" if other == name else "it is not the name of a service",
                "Correct the services that it replaces.",
            )


def _check_package(name: str, release: Mapping[str, Any]) -> None:
    """A release that is a package of the distribution."""
    if not PACKAGE.match(str(release["package"])):
        raise bad(
            f"Could not use {release['package']!r} as the package of {name}",
            "it is not the name of a package",
            f"Set {name}_package to a name such as haproxy.",
        )
    for program, path in release["binaries"].items():
        if not os.path.isabs(str(path)):
            raise bad(f"Could not use {path!r} as the program {program} of {name}", "it is not an absolute path", "")


def _check_archive(name: str, release: Mapping[str, Any]) -> None:
    """A release that comes as a file: version, digests and URL."""
    version = str(release["version"])
    if not VERSION.match(version):
        raise bad(
            f"Could not use {version!r} as the version of {name}",
            "it is not a version number",
            f"Set {name}_version to a released version such as 3.13.5, without a leading v.",
        )
    for arch, digest in release["sha256"].items():
        if not HEX_SHA256.match(str(digest).lower()):
            raise bad(
                f"Could not use the sha256 of {name} {version} for {arch}",
                f"{str(digest)[:80]!r} is not 64 hexadecimal digits",
                f"Correct {name}_release_sha256.",
            )
    if not re.match(r"^(https?|file)://[^/]*/.+", str(release["url"])):
        raise bad(
            "Could not use the URL of {}: {!r}".format(name, release["url"]), "it is not an http(s) or file URL", ""
        )
    check_additions(name, release.get("additions") or [])
