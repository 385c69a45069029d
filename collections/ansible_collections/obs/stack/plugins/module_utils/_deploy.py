# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A deploy of somebody's service: the metric and the marker that tell it, and which deploy is known already. Pure.

The metric is the state: what is deployed, and since when. The marker is the event: there is one for each time.
"""

from __future__ import annotations

import base64
import math
import re
import typing as t
from urllib.parse import quote

from ansible_collections.obs.stack.plugins.module_utils._metrics import samples
from ansible_collections.obs.stack.plugins.module_utils._moments import stamp

METRIC = "deploy_timestamp_seconds"
JOB = "deploy"
# By which a job tells our Pushgateway's alerts how old its push may become.
MAX_AGE = "push_max_age_seconds"
TAG = "deploy"
DOC = "deploy-marker"
SHORT_COMMIT = 10

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Deploy(t.NamedTuple):
    """One deploy.

    Attributes:
        service, environment: what is deployed where; the environment may be "".
        version, commit: what it is now; the commit may be "".
        time: when, in whole seconds of the epoch; 0 where nobody said so.
    """

    service: str
    environment: str
    version: str
    commit: str
    time: int = 0

    def says(self, other: Deploy) -> bool:
        """Whether both are of the same thing, whenever it was."""
        return self[:4] == other[:4]

    def told(self) -> dict[str, t.Any]:
        """As the module returns it."""
        return {**self._asdict(), "at": stamp(self.time)[:-5] + "Z"}

    def form(self) -> dict[str, t.Any]:
        """As the diff shows it."""
        return {"version": self.version, "commit": self.commit, "at": stamp(self.time)[:-5] + "Z"}


def settled(wanted: Deploy, known: t.Iterable[Deploy | None], now: float) -> Deploy:
    """The deploy with its time.

    Without one it is that at which the last deploy that anybody knows of was made, if it was of this very version;
    else it is now. So another run tells the same, and what one place did not learn it learns later.
    """
    if wanted.time:
        return wanted
    last = max((one for one in known if one is not None), key=lambda one: one.time, default=None)
    return wanted._replace(time=last.time if last is not None and last.says(wanted) else int(now))


def exposition(deploy: Deploy, *, grouped: bool) -> str:
    """The metric in Prometheus' text format.

    Args:
        deploy: with its time.
        grouped: the service and the environment stand in the path of a Pushgateway, not here.
    """
    labels = {"version": deploy.version, "commit": deploy.commit}
    if not grouped:
        labels = {"service": deploy.service, "environment": deploy.environment, **labels}
    pairs = ",".join(
        '{0}="{1}"'.format(name, re.sub(r'[\\"\n]', lambda found: _ESCAPES[found.group()], value))
        for name, value in labels.items()
        if value
    )
    text = "{0}{{{1}}} {2}\n".format(METRIC, pairs, deploy.time)
    if not grouped:
        # Other files hold the same metric, those of release_service among them; all would have to say the same of it.
        return text
    # The next deploy may be months away: the alert about jobs that push no more must not wait for it.
    return "# TYPE {0} gauge\n{1}# TYPE {2} gauge\n{2} 0\n".format(METRIC, text, MAX_AGE)


def group_path(service: str, environment: str) -> str:
    """Path of the group at a Pushgateway."""
    path = "/metrics/job/" + JOB
    for name, value in (("service", service), ("environment", environment)):
        if "/" in value:
            path += "/{0}@base64/{1}".format(name, base64.urlsafe_b64encode(value.encode()).decode())
        elif value:
            path += "/{0}/{1}".format(name, quote(value, safe=""))
    return path


def file_name(service: str, environment: str) -> str:
    """Name of the file for node_exporter."""
    parts = [quote(part, safe="") for part in (service, environment) if part]
    return "deploy_{0}.prom".format("@".join(parts))


def known_by(metrics: str, service: str, environment: str) -> Deploy | None:
    """The deploy that a text of metrics tells, of a Pushgateway or a file.

    A Pushgateway adds ``job``, and an ``instance`` that is empty; other groups are of somebody else.
    """
    found = []
    for raw, value in samples(metrics, METRIC):
        labels = {
            name: re.sub(r'\\[\\"n]', lambda match: _UNESCAPED[match.group()], text) for name, text in raw.items()
        }
        ours = labels.get("job", JOB) == JOB and not labels.get("instance") and math.isfinite(value)
        if ours and (labels.get("service"), labels.get("environment", "")) == (service, environment):
            found.append(Deploy(service, environment, labels.get("version", ""), labels.get("commit", ""), int(value)))
    return max(found, key=lambda one: one.time, default=None)


def tags_of(deploy: Deploy) -> list[str]:
    """Tags of the marker: that by which dashboards show it, and what it is of."""
    named = zip(("service", "environment", "version", "commit"), deploy[:4])
    return [TAG] + ["{0}:{1}".format(name, value) for name, value in named if value]


def search_tags(service: str, environment: str) -> list[str]:
    """Tags that all markers of a service have."""
    return [TAG, "service:" + service] + (["environment:" + environment] if environment else [])


def deploy_of(marker: t.Mapping[str, t.Any]) -> Deploy:
    """The deploy that a marker of Grafana tells."""
    named = dict(str(tag).partition(":")[::2] for tag in marker.get("tags") or [])
    return Deploy(
        service=named.get("service", ""),
        environment=named.get("environment", ""),
        version=named.get("version", ""),
        commit=named.get("commit", ""),
        time=int(marker.get("time") or 0) // 1000,
    )


def last_marker(
    markers: t.Iterable[t.Mapping[str, t.Any]], service: str, environment: str
) -> t.Mapping[str, t.Any] | None:
    """The last of a service's markers; one of another environment is none."""
    ours = [one for one in markers if deploy_of(one)[:2] == (service, environment)]
    return max(ours, key=lambda one: (int(one.get("time") or 0), -int(one["id"])), default=None)


def key_of(deploy: Deploy) -> str:
    """What the marker is told apart by: the same version may be deployed again, after another one."""
    return "-".join(part for part in (TAG, deploy.service, deploy.environment, str(deploy.time)) if part)


def text_of(deploy: Deploy) -> str:
    """What the marker says."""
    commit = " ({0})".format(deploy.commit[:SHORT_COMMIT]) if deploy.commit else ""
    place = " to {0}".format(deploy.environment) if deploy.environment else ""
    return "{0} {1}{2} deployed{3}".format(deploy.service, deploy.version, commit, place)
