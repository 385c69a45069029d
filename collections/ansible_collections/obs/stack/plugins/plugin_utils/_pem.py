# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""PEM text that an inventory gives, or has in a file on the controller."""

from __future__ import annotations

import pathlib

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wiring import pem_source


def pem_text(value: str, *, doc: str) -> str:
    """The text, read where it is a path.

    Args:
        value: PEM text, a path, or nothing.
        doc: section of the documentation for the error.

    Raises:
        StackError: the file cannot be read.
    """
    source = pem_source(value) if value else {"content": ""}
    if "content" in source:
        return str(source["content"])
    try:
        return pathlib.Path(source["src"]).read_text(encoding="ascii")
    except OSError as error:
        raise StackError(
            "Could not read the CA {0}".format(source["src"]), why=error.strerror or str(error), doc=doc
        ) from error
