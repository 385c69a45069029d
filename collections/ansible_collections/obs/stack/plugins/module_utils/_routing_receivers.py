# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Receivers of an inventory in upstream's own keys: their secrets become files, and all channels look alike. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._merge import is_list
from ansible_collections.obs.stack.plugins.module_utils._routing import NOBODY, refusal

ETC = "/etc/alertmanager"
WATCHDOG = "watchdog"
RESERVED = (NOBODY, WATCHDOG, "watchdog-thanos-rule")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


class Kind(t.NamedTuple):
    """A kind of receiver.

    Attributes:
        secrets: keys that upstream reads from a file as well, whose name ends with ``_file``.
        needs: of each of these one must be there, in the receiver or under the second name in ``global``.
        look: what it says, unless told otherwise.
    """

    secrets: tuple[str, ...] = ()
    needs: tuple[tuple[tuple[str, ...], str], ...] = ()
    look: Mapping[str, t.Any] = {}


def _t(name: str) -> str:
    return '{{ template "' + name + '" . }}'


_URL = ((("webhook_url",), ""),)
# By key in a receiver. prometheus.io/docs/alerting/latest/configuration
KINDS: dict[str, Kind] = {
    "pagerduty_configs": Kind(
        ("routing_key", "service_key"),
        ((("routing_key", "service_key"), ""),),
        {
            "description": _t("obs.title"),
            "severity": _t("obs.pagerduty.severity"),
            "client": "Alertmanager",
            "client_url": _t("obs.alertmanager_url"),
            "class": _t("obs.name"),
            "component": _t("obs.component"),
            "group": "{{ .CommonLabels.site }}",
            "details": {"text": _t("obs.text"), "firing": "{{ .Alerts.Firing | len }}"},
            "links": [
                {"href": _t("obs.first.runbook_url"), "text": "Runbook"},
                {"href": _t("obs.first.dashboard_url"), "text": "Dashboard"},
                {"href": _t("obs.first.logs_url"), "text": "Logs"},
                {"href": _t("obs.first.others_url"), "text": "What else fired"},
            ],
        },
    ),
    "slack_configs": Kind(
        ("api_url", "app_token"),
        ((("api_url", "app_token"), "slack_api_url slack_app_token"),),
        {
            # The summary is in the text, where it is escaped.
            "title": _t("obs.head"),
            "title_link": _t("obs.alertmanager_url"),
            "text": _t("obs.slack"),
            "fallback": _t("obs.head"),
            "color": _t("obs.slack.color"),
            "footer": "",
        },
    ),
    "email_configs": Kind(
        ("auth_password", "auth_secret"),
        ((("to",), ""), (("smarthost",), "smtp_smarthost"), (("from",), "smtp_from")),
        {"headers": {"Subject": _t("obs.title")}, "html": _t("obs.html"), "text": _t("obs.text")},
    ),
    "msteamsv2_configs": Kind(("webhook_url",), _URL, {"title": _t("obs.title"), "text": _t("obs.markdown")}),
    "telegram_configs": Kind(
        ("bot_token",),
        ((("bot_token",), "telegram_bot_token"), (("chat_id",), "")),
        {"message": _t("obs.telegram"), "parse_mode": "HTML"},
    ),
    "webhook_configs": Kind(("url",), ((("url",), ""),)),
    "discord_configs": Kind(("webhook_url",), _URL, {"title": _t("obs.title"), "message": _t("obs.markdown")}),
    "incidentio_configs": Kind(("url", "alert_source_token")),
    "mattermost_configs": Kind(("webhook_url",)),
    "msteams_configs": Kind(("webhook_url",)),
    "opsgenie_configs": Kind(("api_key",)),
    "pushover_configs": Kind(("user_key", "token"), (), {"title": _t("obs.title"), "message": _t("obs.text")}),
    "rocketchat_configs": Kind(("token", "token_id"), (), {"title": _t("obs.title"), "text": _t("obs.markdown")}),
    "victorops_configs": Kind(("api_key",), (), {"state_message": _t("obs.text")}),
    "webex_configs": Kind((), (), {"message": _t("obs.markdown")}),
    "wechat_configs": Kind(("api_secret",)),
}
# Of what every client of HTTP takes.
_HTTP = (("basic_auth", "password"), ("authorization", "credentials"), ("oauth2", "client_secret"))


class Rendered(t.NamedTuple):
    """Receivers as upstream takes them, and the files of their secrets for release_service."""

    receivers: list[dict[str, t.Any]]
    secrets: list[dict[str, str]]


def receivers(
    items: t.Any, shared: t.Mapping[str, t.Any] | None = None, *, variable: str = "obs_receivers"
) -> Rendered:
    """Receivers with files for secrets and the look that all channels have.

    Args:
        items: upstream's receivers, secrets in the clear or as upstream's ``*_file``.
        shared: ``global`` of the configuration.
        variable: where they came from, for messages.

    Raises:
        StackError: a name is missing, doubled or the stack's own, or a secret is missing.
    """
    if items and not is_list(items):
        raise refusal(variable, "it is not a list", "Write a list of {name: …, slack_configs: [...]}.")
    found: list[dict[str, t.Any]] = []
    secrets: list[dict[str, str]] = []
    names: set[str] = set()
    for number, item in enumerate(items or [], 1):
        if not isinstance(item, Mapping):
            raise refusal(f"{variable}[{number}]", "it is not a dictionary", "Write {name: …, slack_configs: [...]}.")
        name = str(item.get("name") or "")
        where = f"receiver '{name}' of {variable}" if name else f"{variable}[{number}]"
        _checked_name(name, names, where)
        names.add(name)
        found.append(_receiver(item, name, where, shared or {}, variable, secrets))
    return Rendered(found, secrets)


def _checked_name(name: str, names: t.Collection[str], where: str) -> None:
    if not _NAME.match(name):
        raise refusal(
            where,
            "its name becomes a folder" if name else "it has no name",
            "Use letters, digits, '_', '-' and '.'.",
        )
    if name in RESERVED:
        raise refusal(where, "the stack has a receiver of that name", "Give it another name.")
    if name in names:
        raise refusal(where, "the name is there twice", "Put all channels of a receiver into one item.")


def _receiver(
    item: t.Mapping[str, t.Any],
    name: str,
    where: str,
    shared: t.Mapping[str, t.Any],
    variable: str,
    secrets: list[dict[str, str]],
) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {"name": name}
    for key, channels in item.items():
        if key == "name":
            continue
        if not str(key).endswith("_configs") or not is_list(channels):
            raise refusal(
                where,
                f"'{key}' is no list of channels" if str(key).endswith("_configs") else f"it has no key '{key}'",
                "Write upstream's own keys, such as slack_configs: [{api_url: …, channel: '#alerts'}].",
            )
        kind = KINDS.get(str(key), Kind())
        made = []
        for number, channel in enumerate(channels):
            place = f"{key}[{number + 1}] of {where}"
            if not isinstance(channel, Mapping):
                raise refusal(place, "it is not a dictionary", "Write upstream's own keys.")
            _needs(kind, channel, shared, place)
            files = _Files(f"secrets/receivers/{name}/{str(key)[: -len('_configs')]}{number + 1}", variable, place)
            made.append(_with_look(kind, files.moved(kind, channel)))
            secrets += files.secrets
        result[str(key)] = made
    if len(result) == 1:
        raise refusal(where, "it tells nobody", f"Add a channel, or route to {NOBODY}.")
    return result


def _needs(kind: Kind, channel: t.Mapping[str, t.Any], shared: t.Mapping[str, t.Any], place: str) -> None:
    for choices, fallback in kind.needs:
        names = [name for choice in choices for name in (choice, choice + "_file")]
        elsewhere = [name for choice in fallback.split() for name in (choice, choice + "_file")]
        if not any(channel.get(name) for name in names) and not any(shared.get(name) for name in elsewhere):
            shared_key = fallback.split()[0] if fallback else ""
            hint = f"Set it there, or {shared_key} in global of alertmanager_config." if shared_key else "Set it there."
            raise refusal(place, "it has no {}".format(" or ".join(choices)), hint)


class _Files:
    """Secrets of one channel on their way into files."""

    def __init__(self, folder: str, variable: str, place: str) -> None:
        self.secrets: list[dict[str, str]] = []
        self._folder = folder
        self._variable = variable
        self._place = place

    def moved(self, kind: Kind, channel: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """The channel with paths where its secrets were."""
        result = self._of(channel, kind.secrets, "")
        http = channel.get("http_config")
        if isinstance(http, Mapping):
            inner = self._of(http, ("bearer_token",), "http_")
            for section, key in _HTTP:
                if isinstance(http.get(section), Mapping):
                    inner[section] = self._of(http[section], (key,), f"http_{section}_")
            result["http_config"] = inner
        return result

    def _of(self, values: t.Mapping[str, t.Any], keys: Sequence[str], prefix: str) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {}
        for key, value in values.items():
            if key not in keys:
                result[str(key)] = value
                continue
            if value in (None, ""):
                raise refusal(f"{key} of {self._place}", "it is empty", "Set it; keep secrets in a vault.")
            if values.get(key + "_file"):
                raise refusal(f"{key} of {self._place}", f"{key}_file is there too", "Keep one of them.")
            path = f"{self._folder}_{prefix}{key}"
            self.secrets.append({"path": path, "content": str(value), "variable": self._variable})
            result[key + "_file"] = f"{ETC}/{path}"
        return result


def _with_look(kind: Kind, channel: dict[str, t.Any]) -> dict[str, t.Any]:
    """A channel that says what all say, unless it says itself."""
    result: dict[str, t.Any] = {"send_resolved": True}
    for key, value in kind.look.items():
        own = channel.get(key)
        # Headers and details of one's own come besides ours.
        result[key] = {**value, **own} if isinstance(value, Mapping) and isinstance(own, Mapping) else value
    result.update({key: value for key, value in channel.items() if not isinstance(result.get(key), Mapping)})
    return result


def channels(config: t.Mapping[str, t.Any]) -> Iterator[tuple[str, str, int, t.Mapping[str, t.Any]]]:
    """Every channel of a whole configuration: its receiver, kind, number from 0, and keys."""
    for receiver in config.get("receivers") or []:
        for kind, items in receiver.items():
            if kind != "name" and is_list(items):
                for number, item in enumerate(items):
                    if isinstance(item, Mapping):
                        yield str(receiver.get("name")), str(kind), number, item
