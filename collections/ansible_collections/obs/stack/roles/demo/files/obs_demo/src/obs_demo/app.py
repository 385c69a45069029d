# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The web application.

GET /users/{user_id} is the work; /metrics and /healthz are for operators; PUT and DELETE /faults make it misbehave.
Every request is counted by its route template, logged with its trace's id, and traced.
"""

from __future__ import annotations

import asyncio

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from pydantic import BaseModel

from obs_demo.faults import Faults
from obs_demo.metrics import Metrics
from obs_demo.users import Users
from obs_demo.watch import UNWATCHED, Watch


class Misbehaviour(BaseModel):
    """A fault to begin: share of errors (0 to 1), seconds of latency, and for how many seconds."""

    error_ratio: float = 0.0
    latency_seconds: float = 0.0
    seconds: float = 60.0


def create(faults: Faults | None = None) -> FastAPI:
    """The application, with metrics and data of its own."""
    app = FastAPI(title="obs_demo", docs_url=None, redoc_url=None, openapi_url=None)
    metrics, users, faults = Metrics(), Users(), faults or Faults()
    log = structlog.get_logger()

    @app.get("/users/{user_id}")
    async def get_user(user_id: int) -> dict[str, object]:
        await asyncio.sleep(faults.delay())
        if faults.strikes():
            raise HTTPException(500, "the database does not answer")
        user = users.fetch(user_id)
        if user is None:
            raise HTTPException(404, f"there is no user {user_id}")
        return user

    @app.get("/healthz")
    async def healthy() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics")
    async def exposition(request: Request) -> Response:
        body, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(body, media_type=None, headers={"Content-Type": content_type})

    @app.put("/faults")
    async def misbehave(wish: Misbehaviour) -> dict[str, float]:
        try:
            faults.begin(wish.error_ratio, wish.latency_seconds, wish.seconds)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        log.warning("misbehaving", **wish.model_dump())
        return wish.model_dump()

    @app.delete("/faults", status_code=204)
    async def behave() -> None:
        faults.end()
        log.info("behaving")

    app.middleware("http")(Watch(metrics))
    FastAPIInstrumentor.instrument_app(app, excluded_urls=",".join(f"{path}$" for path in UNWATCHED))
    return app
