"""The approach of OpenAI's starter app: an endpoint of FastAPI, a cookie for the user, an HTTP client per request."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from django.conf import settings
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

Message = Mapping[str, Any]


def application(base_url: str) -> FastAPI:
    app = FastAPI()
    headers = {"Authorization": f"Bearer {settings.DJANGO_CHATKIT['API_KEY']}", "OpenAI-Beta": "chatkit_beta=v1"}

    @app.post("/api/create-session")
    async def create_session(request: Request) -> JSONResponse:
        body = await request.json()
        user = request.cookies.get("chatkit_session_id") or secrets.token_hex(16)
        wanted = {"workflow": {"id": f"wf_{body['workflow']}"}, "user": user}
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.post(f"{base_url}/chatkit/sessions", headers=headers, json=wanted)
        answer.raise_for_status()
        session = answer.json()
        response = JSONResponse({"client_secret": session["client_secret"], "expires_after": session["expires_at"]})
        response.set_cookie("chatkit_session_id", user, max_age=30 * 24 * 60 * 60, httponly=True, samesite="lax")
        return response

    return app


@contextmanager
def starter(base_url: str) -> Iterator[Callable[[], None]]:
    """Calls the sample in this process, as an ASGI server would."""
    app = application(base_url)
    body = json.dumps({"workflow": "support"}).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/create-session",
        "raw_path": b"/api/create-session",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def exchange() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message.get("status", 200) != 200:
                raise RuntimeError(f"The sample answered {message['status']}.")

        await app(dict(scope), receive, send)

    with asyncio.Runner() as runner:
        yield lambda: runner.run(exchange())
