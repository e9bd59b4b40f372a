"""OpenAI's own server class in FastAPI, with a store in memory, as in their samples."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from chatkit.server import ChatKitServer, StreamingResult
from chatkit.types import ThreadMetadata, ThreadStreamEvent, UserMessageItem
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from ..streaming.memory import MemoryStore
from .agent import respond


class Server(ChatKitServer[Any]):
    """All that a sample has to say about a server."""

    def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: Any
    ) -> AsyncIterator[ThreadStreamEvent]:
        return respond(thread, input_user_message, context)


app = FastAPI()
server = Server(MemoryStore())


@app.post("/chat/")
async def chat(request: Request) -> Response:
    result = await server.process(await request.body(), {"request": request})
    if isinstance(result, StreamingResult):
        return StreamingResponse(result, media_type="text/event-stream")
    return Response(result.json, media_type="application/json")


@app.get("/held/")
def held() -> dict[str, int]:
    """Who waits for the server to be up asks this."""
    return {}
