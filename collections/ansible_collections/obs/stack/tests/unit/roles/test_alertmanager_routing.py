# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is told of what and how, as Alertmanager's own tool sees it: routes, texts of all channels, mistakes in them."""

from __future__ import annotations

import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import typing as t
import urllib.parse

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils import _routing_wiring
from ansible_collections.obs.stack.tests.unit.programs import program

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"
ROLE = ROLES / "alertmanager"
ETC = "/etc/alertmanager"


AMTOOL = program("alertmanager", "amtool")
pytestmark = pytest.mark.skipif(AMTOOL is None, reason="no amtool on the PATH nor in the artifact store")

CANARY = "canary-of-a-secret"
RECEIVERS: list[dict[str, t.Any]] = [
    {
        "name": "oncall",
        "pagerduty_configs": [{"routing_key": CANARY}],
        "telegram_configs": [{"bot_token": CANARY, "chat_id": -100}],
    },
    {"name": "lead", "email_configs": [{"to": "lead@example.com", "from": "a@example.com", "smarthost": "mail:587"}]},
    {"name": "shop", "slack_configs": [{"api_url": f"https://slack.example.com/{CANARY}", "channel": "#shop"}]},
    {"name": "pay", "msteamsv2_configs": [{"webhook_url": f"https://teams.example.com/{CANARY}"}]},
    {
        "name": "platform",
        "slack_configs": [{"api_url": f"https://slack.example.com/{CANARY}", "channel": "#platform"}],
        "webhook_configs": [{"url": f"https://hook.example.com/{CANARY}"}],
        "discord_configs": [{"webhook_url": f"https://discord.example.com/{CANARY}"}],
        "pushover_configs": [{"user_key": CANARY, "token": CANARY}],
        "rocketchat_configs": [{"token": CANARY, "token_id": CANARY, "channel": "#platform"}],
        "victorops_configs": [{"api_key": CANARY, "routing_key": "platform"}],
        "webex_configs": [
            {
                "room_id": "x",
                "api_url": "https://webex.example.com",
                "http_config": {"authorization": {"credentials": CANARY}},
            }
        ],
    },
]
GIVEN: dict[str, t.Any] = {
    "items": RECEIVERS,
    "routes": [
        {"match": {"severity": "info"}, "receiver": "none"},
        {"match": {"severity": "page", "team": ["shop", "pay"]}, "receiver": "shop", "active": "office",
         "otherwise": "oncall", "escalate_to": "lead", "group_by": ["site", "team"]},
        {"match": {"severity": "page"}, "receiver": "oncall", "escalate_to": "lead", "escalate_after": "10m"},
        {"match": {"team": "shop"}, "receiver": "shop", "active": "office"},
        {"match": {"team": "pay"}, "receiver": "pay", "continue": True},
        {"match": ['site=~"eu-.+"'], "receiver": "platform"},
        {"receiver": "lead"},
    ],
    "intervals": {
        "office": {"weekdays": ["monday:friday"], "times": ["09:00-17:00"], "location": "Europe/Berlin"},
        "sunday": [{"weekdays": ["sunday"], "times": ["02:00-04:00"]}],
    },
    "maintenance": [{"match": {"env": "lab"}, "during": "sunday"}],
    "watchdog": {"url": f"https://watch.example.com/{CANARY}"},
    "links": {
        "grafana_url": "https://grafana.example.com/g",
        "runbook_url": "https://git.example.com/runbooks/{name}.md",
        "logs_datasource": "loki",
        "metrics_datasource": "prometheus",
    },
}  # fmt: skip


def base() -> dict[str, t.Any]:
    """What the role starts from."""
    found: dict[str, t.Any] = yaml.safe_load((ROLE / "vars/main/config.yml").read_text())["__alertmanager_config_base"]
    return found


class Placed:
    """The role's files below a folder that stands for /etc/alertmanager."""

    def __init__(self, root: pathlib.Path, given: t.Mapping[str, t.Any]) -> None:
        self.root = root
        self.wiring = _routing_wiring.wiring(base(), **given)
        shutil.copytree(ROLE / "files/templates", root / "templates")
        shutil.copytree(ROLE / "files/samples", root / "checks")
        for one in self.wiring["files"] + self.wiring["secrets"]:
            path = root / one["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(one["content"])
        self.config = root / "alertmanager.yml"
        self.config.write_text(yaml.safe_dump(self.wiring["config"]).replace(ETC, str(root)))

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """A command with the paths of the host in it."""
        words = [str(AMTOOL) if word == "amtool" else word.replace(ETC, str(self.root)) for word in argv]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def judged(self) -> str:
        """What the role's checks say against it; empty when nothing."""
        checks = [{"argv": ["amtool", "check-config", f"{ETC}/alertmanager.yml"]}, *self.wiring["checks"]]
        done = [self.run(*check["argv"]) for check in checks]
        return "\n".join(one.stderr + one.stdout for one in done if one.returncode).replace(str(self.root), ETC)

    def told(self, labels: t.Mapping[str, str]) -> list[str]:
        """Receivers of an alert."""
        words = [f"{name}={value}" for name, value in labels.items()]
        done = self.run("amtool", "config", "routes", "test", f"--config.file={self.config}", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().split(",")

    def rendered(self, name: str, sample: str, form: str = "text") -> str:
        """A template of the look, with a sample of alerts."""
        done = self.run(
            "amtool", "template", "render", f"--template.glob={ETC}/templates/*.tmpl", f"--template.type={form}",
            f"--template.data={ETC}/checks/{sample}.json", '--template.text={{ template "' + name + '" . }}',
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Placed:
    return Placed(tmp_path_factory.mktemp("alertmanager"), GIVEN)


def test_what_is_right_passes(placed: Placed) -> None:
    assert placed.judged() == ""


def test_base_alone_passes(tmp_path: pathlib.Path) -> None:
    assert Placed(tmp_path / "bare", {}).judged() == ""


# Every route is in one of these rows, and every alert goes where its row says.
TABLE = [
    ("Watchdog", {"severity": "info", "site": "eu-1"}, ["watchdog"]),
    ("ThanosRuleWatchdog", {"severity": "info"}, ["none"]),
    ("PrometheusHighQueryLoad", {"severity": "info", "site": "eu-1"}, ["none"]),
    ("ShopAvailability", {"severity": "page", "team": "shop", "site": "eu-1"}, ["lead", "shop", "oncall"]),
    ("PayLatency", {"severity": "page", "team": "pay"}, ["lead", "shop", "oncall"]),
    ("PayLatency", {"severity": "page", "team": "pay", "env": "lab"}, ["lead", "shop", "oncall"]),
    ("JobDown", {"severity": "page", "site": "eu-1"}, ["lead", "oncall"]),
    ("JobDown", {"severity": "page", "env": "lab"}, ["lead", "oncall"]),
    ("ErrorRatioHigh", {"severity": "ticket", "team": "shop", "site": "us-1"}, ["shop"]),
    ("ErrorRatioHigh", {"severity": "ticket", "team": "shop", "env": "lab"}, ["shop"]),
    ("ErrorRatioHigh", {"severity": "ticket", "team": "pay", "site": "eu-1"}, ["pay", "platform"]),
    ("ErrorRatioHigh", {"severity": "ticket", "team": "pay", "site": "us-1"}, ["pay", "lead"]),
    ("ErrorRatioHigh", {"severity": "ticket", "team": "pay", "site": "eu-1", "env": "lab"}, ["pay", "platform"]),
    ("TargetDown", {"severity": "ticket", "site": "eu-1", "host": "web-1"}, ["platform"]),
    ("TargetDown", {"severity": "ticket", "site": "us-1", "env": "lab"}, ["lead"]),
    ("NobodysOwn", {}, ["lead"]),
]


@pytest.mark.parametrize(("alert", "labels", "receivers"), TABLE)
def test_routes(placed: Placed, alert: str, labels: dict[str, str], receivers: list[str]) -> None:
    assert placed.told({"alertname": alert, **labels}) == receivers


def matches(route: t.Mapping[str, t.Any], labels: t.Mapping[str, str]) -> bool:
    """Whether a route takes labels, by the two kinds of matchers of the table."""
    for matcher in route.get("matchers", []):
        name, operator, value = re.fullmatch(r"(\w+)(=~|=)(.+)", matcher).groups()  # type: ignore[union-attr]
        value, own = json.loads(value), labels.get(name, "")
        if not (re.fullmatch(value, own) if operator == "=~" else value == own):
            return False
    return True


def taken(route: t.Mapping[str, t.Any], labels: t.Mapping[str, str], place: str) -> list[str]:
    """The places of the routes that an alert ends in, as upstream walks them."""
    if not matches(route, labels):
        return []
    found = []
    for number, child in enumerate(route.get("routes", [])):
        below = taken(child, labels, f"{place}.{number}")
        found += below
        if below and not child.get("continue"):
            break
    return found or [place]


def ends(route: t.Mapping[str, t.Any], place: str) -> list[str]:
    inner = [end for number, child in enumerate(route.get("routes", [])) for end in ends(child, f"{place}.{number}")]
    return [place, *inner]


def test_table_is_complete(placed: Placed) -> None:
    root = placed.wiring["config"]["route"]
    reached = {place for name, labels, _told in TABLE for place in taken(root, {"alertname": name, **labels}, "")}
    # The last item takes all, so that nothing ends in the root itself.
    unreached = set(ends(root, "")) - reached
    assert unreached == {""}, f"no row of the table ends in {sorted(unreached - {''})}"


def test_every_shipped_alert_has_somebody(placed: Placed) -> None:
    documents = [yaml.safe_load(path.read_text()) for path in ROLES.glob("*/files/rule*/alerts/*.yml")]
    rules = [rule for document in documents for group in document["groups"] for rule in group["rules"]]
    severities = {rule["labels"]["severity"] for rule in rules if "alert" in rule and "Watchdog" not in rule["alert"]}
    assert {"page", "ticket"} <= severities
    for severity in severities - {"info"}:
        assert placed.told({"alertname": "X", "severity": severity, "site": "eu-1"}) != ["none"]


MISTAKES = [
    ({"text": '{{ template "obs.slcak" . }}'}, "obs.slcak"),
    ({"text": "{{ .Nope }}"}, "can't evaluate field Nope"),
    ({"title": "{{ if .Status }}"}, r"mine\.slack_configs\.1\.title"),
    ({"fields": [{"title": "a", "value": "{{ index .Alerts 99 }}"}]}, r"mine\.slack_configs\.1\.fields\.1\.value"),
    ({"pretext": "{{ .Status | upper }}"}, "upper"),
    ({"title_link": "{{ range .Alerts }}{{ .Annotations.x.y }}{{ end }}"}, r"mine\.slack_configs\.1\.title_link"),
]


@pytest.mark.parametrize(("channel", "words"), MISTAKES)
def test_a_text_that_cannot_be_rendered_is_found_with_its_place(
    tmp_path: pathlib.Path, channel: dict[str, t.Any], words: str
) -> None:
    mine = {"name": "mine", "slack_configs": [{"api_url": "https://slack.example.com", **channel}]}
    wrong = Placed(tmp_path / "etc", {"items": [mine], "routes": [{"receiver": "mine"}]})
    checked = wrong.run("amtool", "check-config", f"{ETC}/alertmanager.yml")
    assert checked.returncode == 0, "check-config would have found it"
    said = wrong.judged()
    assert re.search(words, said) and "mine.slack_configs.1" in said


def test_a_missing_file_is_found(tmp_path: pathlib.Path) -> None:
    mine = {"name": "mine", "webhook_configs": [{"url_file": f"{ETC}/secrets/forgotten"}]}
    wrong = Placed(tmp_path / "etc", {"items": [mine], "routes": [{"receiver": "mine"}]})
    assert wrong.run("amtool", "check-config", f"{ETC}/alertmanager.yml").returncode == 0
    said = wrong.judged()
    assert f"'{ETC}/secrets/forgotten' for reading: No such file" in said and "SUCCESS" not in said


def test_checks_print_no_secret(placed: Placed) -> None:
    done = [placed.run(*check["argv"]) for check in placed.wiring["checks"]]
    assert len(done) == 7 and CANARY not in "".join(one.stdout + one.stderr for one in done)


ONE_LOOK = ["obs.text", "obs.slack", "obs.markdown", "obs.html", "obs.telegram"]


@pytest.mark.parametrize("name", ONE_LOOK)
def test_all_channels_say_the_same(placed: Placed, name: str) -> None:
    form = "html" if name in ("obs.html", "obs.telegram") else "text"
    said = placed.rendered(name, "one", form)
    for words in ("shop on web-1:8080", "Prometheus gets no answer.", "2026-01-02 03:04:05 UTC",
                  "https://git.example.com/runbooks/TargetDown.md", "https://grafana.example.com/g/d/obs-stack?",
                  "https://grafana.example.com/g/explore?"):  # fmt: skip
        assert words in said
    # Texts are escaped as the channel wants it.
    assert ("<scraped>" in said) == (name in ("obs.text", "obs.markdown"))
    for sample in ("many", "bare"):
        assert "<no value>" not in placed.rendered(name, sample, form)


def panes(link: str) -> t.Any:
    """What Grafana reads of an Explore link."""
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query, strict_parsing=True)
    assert asked["schemaVersion"] == ["1"]
    return json.loads(asked["panes"][0])["obs"]


def test_explore_links_ask_for_place_and_time(placed: Placed) -> None:
    logs = panes(placed.rendered("obs.first.logs_url", "one"))
    assert logs["datasource"] == "loki" and logs["queries"][0]["datasource"] == {"type": "loki", "uid": "loki"}
    assert logs["queries"][0]["expr"] == '{site="eu-1",service_name="shop"} | (host="web-1" or host="")'
    # A quarter of an hour before 03:04:05, and on.
    assert logs["range"] == {"from": "1767322145000", "to": "now"}
    others = panes(placed.rendered("obs.first.others_url", "one"))
    assert others["queries"][0]["expr"] == 'ALERTS{alertstate="firing",site="eu-1",host="web-1"}'
    assert others["range"]["from"] == "1767236645000"
    assert (
        panes(placed.rendered("obs.first.logs_url", "many"))["queries"][0]["expr"]
        == '{site="eu-1",service_name="shop"}'
    )


def test_logs_of_a_host_are_all_of_it(placed: Placed) -> None:
    node = {"job": "node_exporter", "host": "web-1"}
    link = placed.rendered("obs.first.logs_url", sample(placed, "node", labels=node))
    assert panes(link)["queries"][0]["expr"] == '{site="eu-1",host="web-1"}'
    sample(placed, "instance", labels={"job": "node_exporter", "host": "", "instance": "10.0.0.1:9100"})
    assert (
        panes(placed.rendered("obs.first.logs_url", "instance"))["queries"][0]["expr"]
        == '{site="eu-1",host="10.0.0.1"}'
    )


def test_an_alert_without_labels_has_no_link_to_logs(placed: Placed) -> None:
    assert placed.rendered("obs.first.logs_url", "bare") == ""
    assert "Logs" not in placed.rendered("obs.text", "bare")
    # What is over is shown up to a quarter of an hour after its end.
    assert panes(placed.rendered("obs.first.others_url", "bare"))["range"]["to"] == "1767325145000"


def sample(placed: Placed, name: str, **changed: t.Any) -> str:
    """A sample of one alert with other labels and annotations; its name."""
    data = json.loads((ROLE / "files/samples/one.json").read_text())
    for key, values in changed.items():
        data["alerts"][0][key].update(values)
        data["common" + key.capitalize()].update(values)
    (placed.root / "checks" / f"{name}.json").write_text(json.dumps(data))
    return name


def test_labels_cannot_break_a_link(placed: Placed) -> None:
    odd = {"site": 'a"b\\c&d=e#f {{g}}', "host": "x y+z%", "job": "shop\u00e4"}
    link = placed.rendered("obs.first.logs_url", sample(placed, "odd", labels=odd))
    expr = panes(link)["queries"][0]["expr"]
    assert expr == ('{site="a\\"b\\\\c&d=e#f {{g}}",service_name="shop\u00e4"} | (host="x y+z%" or host="")')
    board = placed.rendered("obs.first.dashboard_url", "odd")
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(board).query)["var-site"] == [odd["site"]]


def test_urls_of_ones_own_win(placed: Placed) -> None:
    own = {"runbook_url": "https://wiki.example.com/r", "dashboard_url": "https://boards.example.com/d"}
    sample(placed, "own", annotations=own)
    assert placed.rendered("obs.first.runbook_url", "own") == own["runbook_url"]
    assert placed.rendered("obs.first.dashboard_url", "own") == own["dashboard_url"]
    sample(placed, "whole", annotations={"runbook": "https://wiki.example.com/a b"})
    assert placed.rendered("obs.first.runbook_url", "whole") == "https://wiki.example.com/a b"


class Tags(html.parser.HTMLParser):
    """Telegram refuses a message with a tag or an entity that it does not know, or one that is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.opened: list[str] = []
        self.entities: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        assert tag in ("a", "b", "i", "u", "s", "code", "pre")
        self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_entityref(self, name: str) -> None:
        self.entities.add(name)


def test_telegram_takes_the_longest_message(placed: Placed) -> None:
    data = json.loads((ROLE / "files/samples/many.json").read_text())
    for alert in data["alerts"]:
        alert["labels"] = dict.fromkeys(("alertname", "site", "host", "instance", "job", "sloth_slo"), "v" * 79)
        alert["annotations"] = {**alert["annotations"], "summary": "&" * 4000, "description": "&" * 4000}
    (placed.root / "checks/long.json").write_text(json.dumps(data))
    for name in ("long", "many", "one", "bare"):
        said = placed.rendered("obs.telegram", name, "html")
        tags = Tags(said)
        assert tags.opened == [] and tags.entities <= {"lt", "gt", "amp", "quot"}
        assert len(said) <= 4096, f"{name} would be cut off"


def test_nothing_is_linked_that_nobody_named(tmp_path: pathlib.Path) -> None:
    bare = Placed(tmp_path / "etc", {**GIVEN, "links": None})
    said = bare.rendered("obs.text", "one")
    assert "Runbook" not in said and "Grafana" not in said and "explore" not in said
    assert bare.judged() == ""


def test_what_silences_fires_before_what_it_silences() -> None:
    """In time for the group of what is silenced: it is sent two evaluations later at the soonest."""
    documents = [yaml.safe_load(path.read_text()) for path in ROLES.glob("prometheus/files/rules/alerts/*.yml")]
    rules = {rule["alert"]: rule for document in documents for group in document["groups"] for rule in group["rules"]}
    wait = {name: int(rules[name]["for"].rstrip("m")) for name in ("NodeDown", "TargetDown", "JobDown")}
    assert wait["NodeDown"] < wait["TargetDown"] and wait["NodeDown"] < wait["JobDown"]
    prometheus = (ROLES / "prometheus/vars/main/config.yml").read_text()
    (evaluation,) = re.findall(r"evaluation_interval: (\d+)s", prometheus)
    assert int(base()["route"]["group_wait"].rstrip("s")) >= 2 * int(evaluation)


def test_inhibition_is_by_site_and_host() -> None:
    rules = {rule["source_matchers"][0]: rule for rule in base()["inhibit_rules"]}
    assert rules['alertname="SiteDown"']["equal"] == ["site"]
    assert rules['alertname="NodeDown"']["equal"] == ["site", "host"]
    # Else a host that is down would silence the news of it, and a site its own watchdog.
    assert 'alertname!="NodeDown"' in rules['alertname="NodeDown"']["target_matchers"]
    assert "Watchdog" in rules['alertname="SiteDown"']["target_matchers"][0]


def test_the_address_that_a_rule_got_beside_its_dashboard_still_leads_to_place_and_time(placed: Placed) -> None:
    link = placed.rendered("obs.first.dashboard_url", "one")
    plain = link.partition("?")[0]
    assert "var-site=" in link and plain.endswith("/d/" + plain.rpartition("/")[2])
    sample(placed, "both", annotations={"dashboard_url": plain})
    assert placed.rendered("obs.first.dashboard_url", "both") == link
