# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data: a table of users in memory, asked through a span of its own."""

from __future__ import annotations

import sqlite3
from typing import Any

from opentelemetry import trace

USERS = 1000
QUERY = "SELECT id, name FROM users WHERE id = ?"


class Users:
    """Users 1 to 1000."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        rows = ((number, f"user {number}") for number in range(1, USERS + 1))
        self._connection.executemany("INSERT INTO users VALUES (?, ?)", rows)

    def fetch(self, user_id: int) -> dict[str, Any] | None:
        """One user, or None."""
        tracer = trace.get_tracer("obs_demo")
        with tracer.start_as_current_span("fetch_user") as span:
            span.set_attribute("user.id", user_id)
            with tracer.start_as_current_span("db_query") as query:
                query.set_attribute("db.system.name", "sqlite")
                query.set_attribute("db.query.text", QUERY)
                row = self._connection.execute(QUERY, (user_id,)).fetchone()
        return {"id": row[0], "name": row[1]} if row else None
