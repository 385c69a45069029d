# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Which servers the receivers of an Alertmanager configuration need. Pure; knows upstream's configuration."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


class Integration(t.NamedTuple):
    """How a kind of receiver names its server.

    Attributes:
        key: key of the URL; with ``_file`` behind it, of a file that holds the URL.
        fallback: key of the URL in ``global``, or nothing.
        default: upstream's own server, where no key names one.
    """

    key: str
    fallback: str = ""
    default: str = ""


# By key in a receiver. prometheus.io/docs/alerting/latest/configuration
INTEGRATIONS = {
    "discord_configs": Integration("webhook_url"),
    "incidentio_configs": Integration("url"),
    "jira_configs": Integration("api_url", "jira_api_url"),
    "mattermost_configs": Integration("webhook_url", "mattermost_webhook_url"),
    "msteams_configs": Integration("webhook_url"),
    "msteamsv2_configs": Integration("webhook_url"),
    "opsgenie_configs": Integration("api_url", "opsgenie_api_url", "api.opsgenie.com"),
    "pagerduty_configs": Integration("url", "pagerduty_url", "events.pagerduty.com"),
    "pushover_configs": Integration("api_url", "", "api.pushover.net"),
    "rocketchat_configs": Integration("api_url", "rocketchat_api_url", "open.rocket.chat"),
    "slack_configs": Integration("api_url", "slack_api_url", "slack.com"),
    "sns_configs": Integration("api_url"),
    "telegram_configs": Integration("api_url", "telegram_api_url", "api.telegram.org"),
    "victorops_configs": Integration("api_url", "victorops_api_url", "alert.victorops.com"),
    "webex_configs": Integration("api_url", "webex_api_url", "webexapis.com"),
    "webhook_configs": Integration("url"),
    "wechat_configs": Integration("api_url", "wechat_api_url", "qyapi.weixin.qq.com"),
}


class Server(t.NamedTuple):
    """What is to be reached: an address and port, or a file on the Alertmanager host that holds a URL."""

    receiver: str
    address: str = ""
    port: int = 0
    url_file: str = ""

    @property
    def unknown(self) -> bool:
        """Whether the configuration does not tell (a template fills it in, or AWS by its region)."""
        return not self.address and not self.url_file


def servers(config: Mapping[str, t.Any]) -> list[Server]:
    """The servers of all receivers, in the order they stand.

    Args:
        config: an Alertmanager configuration, or the part of it that somebody set.
    """
    shared = config.get("global") or {}
    found = []
    for receiver in config.get("receivers") or []:
        name = str(receiver.get("name") or "?")
        for key, integration in INTEGRATIONS.items():
            for item in receiver.get(key) or []:
                label = "{0} ({1})".format(name, key[: -len("_configs")])
                found.append(_server(label, key, integration, item, shared))
        for item in receiver.get("email_configs") or []:
            smarthost = str(item.get("smarthost") or shared.get("smtp_smarthost") or "")
            address, port = address_and_port(smarthost, 25)
            found.append(Server(name + " (email)", address, port))
    return found


def _server(
    label: str, key: str, integration: Integration, item: Mapping[str, t.Any], shared: Mapping[str, t.Any]
) -> Server:
    proxy = _proxy(item.get("http_config")) or _proxy(shared.get("http_config"))
    if proxy:
        return Server(label + " by its proxy", *url_address(proxy))
    for holder, name in ((item, integration.key), (shared, integration.fallback)):
        if name and holder.get(name):
            return Server(label, *url_address(str(holder[name])))
        if name and holder.get(name + "_file"):
            return Server(label, url_file=str(holder[name + "_file"]))
    if key == "sns_configs":
        region = str((item.get("sigv4") or {}).get("region") or "")
        return Server(label, "sns.{0}.amazonaws.com".format(region), 443) if region else Server(label)
    return Server(label, integration.default, 443) if integration.default else Server(label)


def _proxy(http_config: t.Any) -> str:
    return str((http_config or {}).get("proxy_url") or "")


def url_address(url: str) -> tuple[str, int]:
    """Host and port of a URL; nothing and 0 of what is none, a template for example."""
    try:
        parts = urlsplit(url.strip())
        if parts.scheme not in PORTS or not parts.hostname or "{" in parts.netloc:
            return "", 0
        return parts.hostname, parts.port or PORTS[parts.scheme]
    except ValueError:
        return "", 0


def address_and_port(text: str, default: int = 0) -> tuple[str, int]:
    """Host and port of ``host:port``, ``[v6]:port`` or a host alone; nothing and 0 of what is none."""
    try:
        parts = urlsplit("//" + text.strip())
        return (parts.hostname or "", parts.port or default) if parts.hostname and not parts.path else ("", 0)
    except ValueError:
        return "", 0


def remotes(config: Mapping[str, t.Any]) -> list[Server]:
    """The servers that a Prometheus configuration writes to and reads from."""
    found = []
    for kind in ("remote_write", "remote_read"):
        items: Sequence[Mapping[str, t.Any]] = config.get(kind) or []
        for item in items:
            address, port = url_address(str(item.get("proxy_url") or item.get("url") or ""))
            found.append(Server("{0} {1}".format(kind, item.get("name") or address).strip(), address, port))
    return found
