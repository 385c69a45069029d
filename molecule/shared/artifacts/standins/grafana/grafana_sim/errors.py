"""The shapes in which Grafana says no."""

from __future__ import annotations

import secrets
import typing as t


class Fatal(Exception):
    """Ends the process with its words."""


class Refusal(Exception):
    """An answer other than the wished one."""

    def __init__(self, status: int, body: t.Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def plain(code: int, text: str, /, **more: t.Any) -> Refusal:
    """A handler's own error: a message, and what some of them add."""
    return Refusal(code, {"message": text, **more})


def coded(status: int, message_id: str, text: str, extra: t.Any = None) -> Refusal:
    """An error with a code that programs can tell it by."""
    body = {"statusCode": status, "messageId": message_id, "message": text}
    return Refusal(status, {**body, "extra": extra} if extra else body)


def unauthorized(message_id: str = "auth.unauthorized", text: str = "Unauthorized") -> Refusal:
    """The authentication's 401."""
    body = {"extra": None, "message": text, "messageId": message_id, "statusCode": 401, "traceID": ""}
    return Refusal(401, body)


def denied(*actions: str) -> Refusal:
    """The 403 of missing permissions. Its id is another one for each request."""
    needed = actions[0] if len(actions) == 1 else "any of " + ", ".join(actions)
    body = {
        "accessErrorId": f"ACE{secrets.randbelow(10**10):010d}",
        "message": f"You'll need additional permissions to perform this action. Permissions needed: {needed}",
        "title": "Access denied",
    }
    return Refusal(403, body)


def bad_request() -> Refusal:
    """What cannot be bound: no JSON, or a required field that is missing or empty."""
    return plain(400, "bad request data", traceID="")


def not_found() -> Refusal:
    """No such route."""
    return plain(404, "Not found")


def status(code: int, reason: str, text: str, details: t.Any = None) -> Refusal:
    """A failure of the API below /apis."""
    body: dict[str, t.Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    body.update(message=text, reason=reason, code=code)
    return Refusal(code, {**body, "details": details} if details else body)
