# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What is given as a dashboard: recognised, its inputs resolved, refused where Grafana would refuse it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import check_uid

GROUP = "dashboard.grafana.app"
FOLDER_NOTE = "grafana.app/folder"
EXPORT_KEYS = ("__inputs", "__elements", "__requires")
LONGEST_TITLE = 5000
LONGEST_MESSAGE = 500
# Versions of schema v2, the newest first: an export without an envelope does not say which it is.
V2 = ("v2", "v2beta1", "v2alpha2", "v2alpha1")

_VERSION = re.compile(r"^v\d+((alpha|beta)\d+)?$")

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]


class Definition(t.NamedTuple):
    """A dashboard as it is given.

    Attributes:
        uid: "" when it has none.
        title: without blanks around it.
        spec: the dashboard's own JSON.
        versions: of the API that writes it, in order of preference; empty for the classic one.
        folder_uid: the folder it names itself, None for none.
        labels, annotations: of the envelope, the user's own.
        source: file it came from, or what else it is called.
    """

    uid: str
    title: str
    spec: Form
    versions: tuple[str, ...] = ()
    folder_uid: str | None = None
    labels: t.Mapping[str, str] = {}
    annotations: t.Mapping[str, str] = {}
    source: str = ""


def refuse(source: str, why: str, hint: str = "") -> StackError:
    """A refusal of a dashboard as it is given."""
    return StackError(
        "Could not use the dashboard {0}".format(source), why=why, hint=hint, step="input", doc="grafana-dashboards"
    )


def recognise(document: t.Any, source: str) -> Definition:
    """The dashboard in a document: classic JSON, what the API or an export gives, kind Dashboard, or schema v2.

    Args:
        document: parsed.
        source: what it is called in errors.

    Raises:
        StackError: it is none, or Grafana would not take it.
    """
    if not isinstance(document, dict):
        raise refuse(source, "it is no object", "One file holds one dashboard.")
    if isinstance(document.get("dashboard"), dict) and "panels" not in document:
        # As the API answers and takes it.
        document = document["dashboard"]
    if "kind" in document and "spec" in document:
        found = _enveloped(document, source)
    elif "elements" in document and "layout" in document:
        uid, title = "", str(document.get("title") or "")
        found = Definition(uid, title, document, V2)
    else:
        uid, title = str(document.get("uid") or ""), str(document.get("title") or "")
        found = Definition(uid, title, document)
    title = found.title.strip()
    if not title:
        raise refuse(source, "it has no title", "Is it a dashboard at all?")
    if len(title.encode()) > LONGEST_TITLE:
        raise refuse(source, "its title is longer than {0} bytes".format(LONGEST_TITLE))
    uid = check_uid(found.uid, "dashboard " + source) if found.uid.strip() else ""
    return found._replace(uid=uid, title=title, source=source)


def _enveloped(document: Form, source: str) -> Definition:
    group, _slash, version = str(document.get("apiVersion") or "").partition("/")
    kind = document["kind"]
    if kind != "Dashboard" or group != GROUP:
        raise refuse(source, "it is of kind {0} of {1}".format(kind, group or "nothing"), "Give kind Dashboard.")
    spec, metadata = document["spec"], document.get("metadata") or {}
    if not _VERSION.match(version) or not isinstance(spec, dict) or not isinstance(metadata, dict):
        raise refuse(source, "its apiVersion, metadata or spec is not of the form of kind Dashboard")
    notes = metadata.get("annotations") or {}
    return Definition(
        str(metadata.get("name") or spec.get("uid") or ""),
        str(spec.get("title") or ""),
        spec,
        (version,),
        notes.get(FOLDER_NOTE),
        labels=own_marks(metadata.get("labels") or {}),
        annotations=own_marks(notes),
    )


def own_marks(marks: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Labels or annotations that are not Grafana's or Kubernetes' own."""
    own = {}
    for key, value in marks.items():
        domain = key.partition("/")[0]
        if not domain.endswith(("grafana.app", "kubernetes.io", "k8s.io")):
            own[key] = str(value)
    return own


def declared(spec: t.Mapping[str, t.Any]) -> dict[str, t.Mapping[str, t.Any]]:
    """The inputs that an export asks for, by name."""
    return {str(one["name"]): one for one in spec.get("__inputs") or [] if isinstance(one, dict) and one.get("name")}


def resolved(found: Definition, inputs: t.Mapping[str, t.Any]) -> Definition:
    """The dashboard with its inputs put in and its library panels as plain ones.

    Args:
        found: as it is given.
        inputs: uid of a data source, or value of a constant, by the input's name.

    Raises:
        StackError: an input has no value.
    """
    spec = dict(found.spec)
    values = {str(name): str(value) for name, value in inputs.items()}
    missing = []
    for name, one in declared(spec).items():
        if name in values:
            continue
        if one.get("type") == "constant" and one.get("value") is not None:
            values[name] = str(one["value"])
        else:
            missing.append("{0} ({1})".format(name, one.get("pluginId") or one.get("type") or "input"))
    if missing:
        first = missing[0].split(" ")[0]
        raise refuse(
            found.source,
            "its inputs {0} have no value".format(", ".join(missing)),
            "Give them as inputs: {{{0}: uid of a data source}}.".format(first),
        )
    elements = spec.get("__elements") or {}
    for key in EXPORT_KEYS:
        spec.pop(key, None)
    if elements:
        spec["panels"] = _plain_panels(spec.get("panels") or [], _by_uid(elements))
    if values:
        spec = _filled(spec, {"${" + name + "}": value for name, value in values.items()})
    return found._replace(spec=spec, title=str(spec.get("title") or found.title).strip())


def _by_uid(elements: t.Any) -> dict[str, t.Any]:
    listed = elements.values() if isinstance(elements, dict) else elements
    return {str(one["uid"]): one for one in listed if isinstance(one, dict) and one.get("uid")}


def _plain_panels(panels: t.Sequence[t.Any], elements: t.Mapping[str, t.Any]) -> list[t.Any]:
    """Panels whose library element comes with the export, as panels of their own."""
    found = []
    for panel in panels:
        panel = dict(panel)
        element = elements.get(str((panel.get("libraryPanel") or {}).get("uid")))
        if element:
            del panel["libraryPanel"]
            model = {key: value for key, value in (element.get("model") or {}).items() if key != "libraryPanel"}
            panel = {**model, **panel}
        if panel.get("panels"):
            panel["panels"] = _plain_panels(panel["panels"], elements)
        found.append(panel)
    return found


def _filled(value: t.Any, values: t.Mapping[str, str]) -> t.Any:
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if isinstance(value, str) and "${" in value:
        for sign, new in values.items():
            value = value.replace(sign, new)
    return value
