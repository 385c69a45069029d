# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The web configuration file, in exporter-toolkit's format, read anew whenever it changes."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from obs_exporter.config.lines import YamlError, load
from obs_exporter.config.load import ConfigError, Problem, problems_of
from obs_exporter.config.metrics import Strict

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_NEEDED = {"RequireAnyClientCert", "RequireAndVerifyClientCert"}
Version = Literal["TLS12", "TLS13"]


class TlsServer(Strict):
    """tls_server_config."""

    cert_file: str
    key_file: str
    client_ca_file: str | None = None
    client_auth_type: Literal[
        "NoClientCert",
        "RequestClientCert",
        "RequireAnyClientCert",
        "VerifyClientCertIfGiven",
        "RequireAndVerifyClientCert",
    ] = "NoClientCert"
    client_allowed_sans: list[str] = Field([])
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: list[str] = Field([])
    curve_preferences: list[str] = Field([])
    prefer_server_cipher_suites: bool = True

    @model_validator(mode="after")
    def _whole(self) -> TlsServer:
        if self.client_auth_type != "NoClientCert" and not self.client_ca_file:
            raise ValueError(f"client_auth_type {self.client_auth_type} needs client_ca_file")
        if self.client_allowed_sans or self.curve_preferences:
            raise ValueError("client_allowed_sans and curve_preferences are not supported by this exporter")
        return self


class HttpServer(Strict):
    """http_server_config. HTTP/2 is not spoken here, whatever it says."""

    http2: bool = True
    headers: dict[str, str] = Field({})

    @field_validator("headers")
    @classmethod
    def _known(cls, headers: dict[str, str]) -> dict[str, str]:
        allowed = {
            "Strict-Transport-Security",
            "Content-Security-Policy",
            "X-Frame-Options",
            "X-Content-Type-Options",
            "X-XSS-Protection",
        }
        unknown = sorted(set(headers) - allowed)
        if unknown or any("\n" in value or "\r" in value for value in headers.values()):
            raise ValueError(f"want one of {', '.join(sorted(allowed))}, in one line")
        return headers


class WebConfig(Strict):
    """All of the file."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: dict[str, str] = Field({}, description="User to bcrypt hash.")

    @field_validator("basic_auth_users")
    @classmethod
    def _hashes(cls, users: dict[str, str]) -> dict[str, str]:
        for user, value in users.items():
            if not value.startswith(("$2a$", "$2b$", "$2y$")) or len(value) != 60:
                raise ValueError(f"the password of {user} is no bcrypt hash")
        return users


def parse(text: str, source: str) -> WebConfig:
    """Raises ConfigError."""
    try:
        data, lines = load(text)
    except YamlError as error:
        raise ConfigError(source, [Problem(error.line, "", str(error))]) from None
    try:
        return WebConfig.model_validate({} if data is None else data)
    except ValidationError as error:
        raise ConfigError(source, problems_of(error, lines)) from None


def context_of(tls: TlsServer, folder: Path) -> ssl.SSLContext:
    """The server's side of TLS; relative paths are relative to the file.

    Raises:
        ConfigError: a file cannot be used.
    """
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
        context.load_cert_chain(folder / tls.cert_file, folder / tls.key_file)
        if tls.client_ca_file:
            context.load_verify_locations(folder / tls.client_ca_file)
            needed = tls.client_auth_type in _NEEDED
            context.verify_mode = ssl.CERT_REQUIRED if needed else ssl.CERT_OPTIONAL
        if tls.cipher_suites:
            context.set_ciphers(":".join(tls.cipher_suites))
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigError("web configuration", [Problem(0, "tls_server_config", str(error))]) from None
    return context


class WebFile:
    """The file as it is now. A new content that is wrong is an error of the request, as with exporter-toolkit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[object, ...] = ()
        self._config = WebConfig()
        self._context: ssl.SSLContext | None = None

    @property
    def folder(self) -> Path:
        """What relative paths are relative to."""
        return self._path.parent

    def current(self) -> WebConfig:
        """The configuration, read anew where the file or a certificate changed. Raises ConfigError."""
        mark = self._now()
        if mark != self._mark:
            try:
                text = self._path.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(str(self._path), [Problem(0, "", f"cannot be read: {error}")]) from None
            config = parse(text, str(self._path))
            tls = config.tls_server_config
            self._context = context_of(tls, self._path.parent) if tls else None
            self._config = config
            # Of what was read: the certificates' times belong to the new configuration.
            self._mark = self._now()
        return self._config

    def context(self) -> ssl.SSLContext | None:
        """For the next connection. Raises ConfigError."""
        self.current()
        return self._context

    def _now(self) -> tuple[object, ...]:
        tls = self._config.tls_server_config
        names = (
            [self._path]
            + [self._path.parent / name for name in (tls.cert_file, tls.key_file, tls.client_ca_file) if name]
            if tls
            else [self._path]
        )
        return tuple(_stamp(name) for name in names)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
