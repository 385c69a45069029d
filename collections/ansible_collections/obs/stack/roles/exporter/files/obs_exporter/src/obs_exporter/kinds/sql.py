# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind sql."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any

import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from obs_exporter.config.kinds import TARGET, Sql
from obs_exporter.errors import CollectError
from obs_exporter.kinds.base import Plain
from obs_exporter.mapping import map_rows
from obs_exporter.samples import Builder, Result
from obs_exporter.secrets import read_secret
from obs_exporter.threads import Threads


class SqlSource(Plain):
    """Asks read-only, in a thread, over a connection of its own that is closed when time is up."""

    def __init__(self, name: str, config: Sql) -> None:
        self._config = config
        self._threads = Threads(f"{name}-sql", config.concurrency)

    async def collect(self, target: str | None, timeout: float) -> Result:
        """Run the queries. See Source."""
        url = self._url(target)
        password = read_secret(self._config.password_file) if self._config.password_file else None
        work = _Work(self._config, url, password, timeout)
        return await self._threads.run(work.run, work.cancel)

    def _url(self, target: str | None) -> str:
        if target is None:
            return self._config.url
        if any(char in target for char in "/@?#\\%") or not target.isprintable() or " " in target:
            raise CollectError("error", "the target is no host, with or without port")
        return self._config.url.replace(TARGET, target)


class _Work:
    def __init__(self, config: Sql, url: str, password: str | None, timeout: float) -> None:
        self._config = config
        self._url = url
        self._password = password
        self._timeout = timeout
        self._lock = threading.Lock()
        self._driver: Any = None
        self._cancelled = False

    def run(self) -> Result:
        builder = Builder(self._config.labels, self._config.max_series)
        try:
            engine = self._engine()
            try:
                with engine.connect() as connection:
                    self._begin(connection)
                    for query in self._config.queries:
                        rows = connection.execute(sqlalchemy.text(query.query)).mappings()
                        found = [_row(row) for row in rows.fetchmany(self._config.max_rows + 1)]
                        if len(found) > self._config.max_rows:
                            raise CollectError("too_large", f"a query brought more than {self._config.max_rows} rows")
                        map_rows(query.metrics, found, builder)
                    connection.rollback()
            finally:
                engine.dispose()
        except SQLAlchemyError as error:
            raise CollectError("upstream", _why(error)) from None
        except CollectError:
            raise
        except Exception as error:
            # Drivers raise what they like; a closed connection ends here as well.
            raise CollectError("upstream", f"{type(error).__name__}: {_line(error)}") from None
        return builder.result()

    def cancel(self) -> None:
        """Called from another thread: whatever the driver waits for ends."""
        with self._lock:
            self._cancelled = True
            driver = self._driver
        if driver is None:
            return
        with contextlib.suppress(Exception):
            if hasattr(driver, "interrupt"):
                driver.interrupt()
            else:
                driver._usock.shutdown(2)

    def _engine(self) -> sqlalchemy.Engine:
        pool = sqlalchemy.pool.NullPool
        if self._config.url.startswith("sqlite:"):
            path = urllib.parse.quote(self._url[len("sqlite:///") :])
            url = f"sqlite:///file:{path}?mode=ro&uri=true"
            arguments: dict[str, Any] = {"timeout": self._timeout, "check_same_thread": False}
            return sqlalchemy.create_engine(url, poolclass=pool, connect_args=arguments)
        made = sqlalchemy.make_url(self._url).set(drivername="postgresql+pg8000")
        if self._password is not None:
            made = made.set(password=self._password)
        arguments = {"timeout": self._timeout, "application_name": "obs-exporter"}
        query = dict(made.query)
        mode = query.pop("sslmode", "")
        if mode not in ("", "disable"):
            arguments["ssl_context"] = _tls(str(mode), str(query.pop("sslrootcert", "")))
        return sqlalchemy.create_engine(made.set(query=query), poolclass=pool, connect_args=arguments)

    def _begin(self, connection: sqlalchemy.Connection) -> None:
        driver = connection.connection.driver_connection
        with self._lock:
            self._driver = driver
            if self._cancelled:
                raise CollectError("timeout", "time was up before the first query")
        if connection.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text("SET TRANSACTION READ ONLY"))
            milliseconds = max(1, int(self._timeout * 1000))
            connection.execute(sqlalchemy.text(f"SET LOCAL statement_timeout = {milliseconds}"))


def _tls(mode: str, root: str) -> Any:
    import ssl

    try:
        context = ssl.create_default_context(cafile=root or None)
    except OSError as error:
        raise CollectError("error", f"cannot use sslrootcert: {error.strerror}") from None
    if mode in ("require", "prefer", "allow") and not root:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif mode == "verify-ca":
        context.check_hostname = False
    return context


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as a document: what JSON does not have becomes a number or a text."""
    return {str(key): _value(value) for key, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)).timestamp()
    if value is None or isinstance(value, (bool, int, float, str, list, dict)):
        return value
    return str(value)


def _why(error: SQLAlchemyError) -> str:
    """The driver's reason, without the statement."""
    cause = getattr(error, "orig", None)
    return _line(cause if cause is not None else error)


def _line(error: BaseException) -> str:
    if error.args and isinstance(error.args[0], dict):  # pg8000: the server's fields
        return str(error.args[0].get("M", "refused"))[:200]
    return (str(error) or type(error).__name__).splitlines()[0][:200]
