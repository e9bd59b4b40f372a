"""The SDK's own server in FastAPI, as in OpenAI's samples: no login, no limits, everything in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from chatkit.server import ChatKitServer, StreamingResult
from chatkit.types import ThreadMetadata, ThreadStreamEvent, UserMessageItem
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from . import answering
from .memory import MemoryStore


class SampleServer(ChatKitServer[dict[str, Any]]):
    def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: dict[str, Any]
    ) -> AsyncIterator[ThreadStreamEvent]:
        return answering.respond(thread, input_user_message, context)


application = FastAPI()
server = SampleServer(MemoryStore())


@application.post("/chatkit")
async def chatkit(request: Request) -> Response:
    result = await server.process(await request.body(), {"request": request})
    if isinstance(result, StreamingResult):
        return StreamingResponse(result, media_type="text/event-stream")
    return Response(content=result.json, media_type="application/json")
