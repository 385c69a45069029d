# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""YAML as this collection reads and writes it: by libyaml where that is there."""

from __future__ import annotations

from typing import Any

import yaml

try:
    from yaml import CSafeDumper as Dumper
    from yaml import CSafeLoader as Loader
except ImportError:  # libyaml is missing: the same, slower
    from yaml import SafeDumper as Dumper  # type: ignore[assignment]
    from yaml import SafeLoader as Loader  # type: ignore[assignment]


def from_yaml(text: str) -> Any:
    """What YAML says. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=Loader)


def to_yaml(data: Any) -> str:
    """Render data as YAML: order kept, no line folding, so that a diff shows just what changed."""
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, width=1 << 20, allow_unicode=True, default_flow_style=False)
