"""What a handler gets, and which handler a request goes to."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from .database import Database
from .errors import Refusal, bad_request, denied, not_found
from .identity import Identity
from .profile import Profile
from .settings import Settings


@dataclass
class Site:
    """What all requests share. reload: reads provisioning files again, by kind."""

    settings: Settings
    database: Database
    profile: Profile
    sessions: dict[str, int] = field(default_factory=dict)
    reload: t.Callable[[str], None] = lambda _kind: None


@dataclass
class Call:
    """One request of somebody who is known."""

    site: Site
    who: Identity
    method: str
    path: str
    raw_query: str
    headers: t.Any
    raw_body: bytes
    params: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.site.database

    @property
    def profile(self) -> Profile:
        return self.site.profile

    @property
    def org(self) -> int:
        """Organisation the request acts in."""
        return self.who.org

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.raw_query, keep_blank_values=True)

    def first(self, name: str, otherwise: str = "") -> str:
        """A parameter of the query."""
        return (self.query.get(name) or [otherwise])[0]

    def number(self, name: str, otherwise: int) -> int:
        """A parameter of the query that is a number."""
        text = self.first(name)
        return int(text) if text.isdigit() else otherwise

    def paged(self, rows: list[t.Any], limit: str = "limit", otherwise: int = 1000) -> list[t.Any]:
        """The page of rows that is asked for."""
        size = self.number(limit, otherwise) or otherwise
        page = max(self.number("page", 1), 1)
        return rows[(page - 1) * size : page * size]

    def body(self, *required: str) -> dict[str, t.Any]:
        """The body, a JSON object in which these keys are there and not empty."""
        try:
            given = json.loads(self.raw_body)
        except ValueError:
            raise bad_request() from None
        if not isinstance(given, dict) or any(given.get(key) in (None, "") for key in required):
            raise bad_request()
        return given

    def integer(self, name: str, refusal: Refusal) -> int:
        """A parameter of the path that is a number."""
        if not re.fullmatch(r"\d+", self.params[name]):
            raise refusal
        return int(self.params[name])

    def require(self, *actions: str) -> None:
        """Go on only if one of these is allowed."""
        if actions and not any(self.who.can(action) for action in actions):
            raise denied(*actions)


Handler = t.Callable[[Call], t.Any]


@dataclass(frozen=True)
class Route:
    """One method and path. actions: one of them must be allowed; none at all: signed in is enough."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    actions: tuple[str, ...]


ROUTES: list[Route] = []


def route(method: str, path: str, *actions: str) -> t.Callable[[Handler], Handler]:
    """Bind a handler; `:name` in the path is one segment, `*name` the rest. It returns a body, or (status, body)."""

    def bind(handler: Handler) -> Handler:
        pattern = re.sub(r":(\w+)", r"(?P<\1>[^/]+)", re.sub(r"\*(\w+)", r"(?P<\1>.*)", path))
        ROUTES.append(Route(method, re.compile(pattern), handler, actions))
        return handler

    return bind


def dispatch(call: Call) -> tuple[int, t.Any]:
    """Status and body of the answer.

    Raises:
        Refusal: the answer is an error.
    """
    for candidate in ROUTES:
        match = candidate.pattern.fullmatch(call.path) if candidate.method == call.method else None
        if match:
            call.params = {name: unquote(value) for name, value in match.groupdict().items()}
            call.require(*candidate.actions)
            with call.database.transaction():
                answer = candidate.handler(call)
            return answer if isinstance(answer, tuple) else (200, answer)
    raise not_found()
