# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each kind of module is told; logs have a file of their own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from obs_exporter.config.metrics import Mapped, Strict
from obs_exporter.config.values import Duration, LabelName, Pattern, Size, Text

TARGET = "{target}"


class Common(Strict):
    """What every module has."""

    timeout: Duration = Field(10.0, description="A collection that takes longer is given up.", gt=0, le=3600)
    interval: Duration = Field(0.0, description="0 collects when scraped; otherwise every so often, beside scrapes.")
    max_age: Duration | None = Field(None, description="Older results are not served. Default: 3 × interval + timeout.")
    max_series: int = Field(1000, ge=1, le=1_000_000, description="Further series are dropped and counted.")
    concurrency: int = Field(4, ge=1, le=100, description="Collections at a time; further ones wait for their turn.")
    labels: dict[LabelName, Text] = Field({}, description="Labels of all its series.")

    @property
    def oldest(self) -> float:
        """Age in seconds beyond which a background result is not served."""
        return self.max_age if self.max_age is not None else 3 * self.interval + self.timeout


class Tls(Strict):
    """How a server is trusted, and who we are to it."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False


class BasicAuth(Strict):
    """User and the file with the password."""

    username: str
    password_file: str


class HttpJson(Common):
    """JSON over HTTP, or in a file (file:///…)."""

    kind: Literal["http_json"]
    url: str | None = Field(None, description="Where to ask; {target} is replaced by /probe. Without: /probe only.")
    targets: list[Pattern] = Field([], description="What /probe may ask: regular expressions for whole targets.")
    method: Literal["GET", "POST"] = "GET"
    body: str | None = None
    headers: dict[str, Text] = Field({}, description="Further headers; secrets go to headers_files.")
    headers_files: dict[str, str] = Field({}, description="Header to the file with its value.")
    basic_auth: BasicAuth | None = None
    bearer_token_file: str | None = None
    tls: Tls = Tls()
    follow_redirects: bool = Field(True, description="Within the same scheme, host and port only.")
    valid_status: list[int] = Field([], description="Statuses that are an answer. Default: 2xx.")
    max_response_size: Size = Field(10_000_000, description="Larger answers are refused, unpacked as well.")
    metrics: list[Mapped] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://", "file:///")):
            raise ValueError("want http://, https:// or file:///")
        if url is not None and "@" in url.split("//", 1)[1].split("/", 1)[0]:
            raise ValueError("credentials go to basic_auth with password_file, not into the URL")
        return url

    @model_validator(mode="after")
    def _reachable(self) -> HttpJson:
        if self.url is None and not self.targets:
            raise ValueError("needs url, or targets for /probe")
        if self.basic_auth and self.bearer_token_file:
            raise ValueError("basic_auth or bearer_token_file, not both")
        if self.url is not None and self.url.startswith("file:") and TARGET in self.url:
            raise ValueError("a file is not asked by /probe")
        return self


class Query(Strict):
    """One statement; each row is a document of its columns."""

    query: str = Field(min_length=1, description="The statement.")
    metrics: list[Mapped] = Field(min_length=1)

    @field_validator("metrics")
    @classmethod
    def _rows(cls, metrics: list[Mapped]) -> list[Mapped]:
        if any(metric.each is not None for metric in metrics):
            raise ValueError("rows are what there is one series for each of: leave each out")
        return metrics


class Sql(Common):
    """Queries of a database."""

    kind: Literal["sql"]
    url: str = Field(description="SQLAlchemy URL without password: postgresql://user@host/db, sqlite:////path.")
    password_file: str | None = None
    targets: list[Pattern] = Field([], description="What /probe may put for {target} in url.")
    max_rows: int = Field(10_000, ge=1)
    queries: list[Query] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        if not url.startswith(("postgresql://", "sqlite:///")):
            raise ValueError("want postgresql:// or sqlite:///")
        account = url.split("//", 1)[1].split("/", 1)[0].rpartition("@")[0]
        if ":" in account or "password=" in url:
            raise ValueError("the password goes to password_file, not into the URL")
        return url


class Command(Common):
    """What a program prints."""

    kind: Literal["command"]
    command: list[Text] = Field(min_length=1, description="Program, by absolute path, and arguments; no shell.")
    format: Literal["prometheus", "json", "number"] = "prometheus"
    metrics: list[Mapped] = Field([], description="For json and number (whose document is the number).")
    environment: dict[str, Text] = Field({}, description="All it gets, beside PATH and LANG.")
    max_output: Size = 10_000_000
    exit_codes: list[int] = Field([0], description="Exit codes that mean an answer.")

    @model_validator(mode="after")
    def _complete(self) -> Command:
        if not self.command[0].startswith("/"):
            raise ValueError("want the program by its absolute path")
        if (self.format == "prometheus") == bool(self.metrics):
            raise ValueError("metrics say what json and number mean; prometheus tells its own")
        return self


class Python(Common):
    """A Python collector: an entry point of the group obs_exporter.collectors, or module:function."""

    kind: Literal["python"]
    collector: str = Field(pattern=r"^[A-Za-z_][\w.-]*(:[A-Za-z_]\w*)?$")
    options: dict[str, Any] = Field({}, description="Handed on by name.")
    targets: list[Pattern] = Field([], description="What /probe may hand on as target.")


class SystemdUnits(Common):
    """Memory, CPU and restarts of units, from systemd and the cgroups."""

    kind: Literal["systemd_units"]
    units: list[str] = Field(min_length=1, description="Unit names, with * and ?.")
    cgroup_root: str = "/sys/fs/cgroup"
    systemctl: str = "/usr/bin/systemctl"

    @field_validator("units")
    @classmethod
    def _names(cls, units: list[str]) -> list[str]:
        for unit in units:
            if unit.startswith("-") or any(char.isspace() or char == "/" for char in unit):
                raise ValueError(f"{unit!r} is no name of a unit")
        return units
