"""How a site may be served: always two processes, on as many cores as the machine has."""

from __future__ import annotations

from typing import Any

from .servers import gunicorn, uvicorn


def pool(size: int) -> dict[str, Any]:
    """Psycopg's pool in each process, as Django's documentation describes it."""
    return {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": 4, "max_size": size}}}


#: Connections of a process, so that a view which holds one while OpenAI answers finds one, too.
PLENTY = 32
#: Psycopg's own size.
FEW = 4

#: As gunicorn comes: one request at a time in each process.
DEFAULT = gunicorn("gunicorn", CONN_MAX_AGE=600)
THREADS = gunicorn("gunicorn, 64 threads", "--threads", "64", **pool(PLENTY))
#: Under ASGI, Django runs each request that is not async in a thread of its own.
ASGI = uvicorn("uvicorn", **pool(PLENTY))

THREADS_WITH_FEW = gunicorn("gunicorn, 64 threads, 4 connections", "--threads", "64", **pool(FEW))
ASGI_WITH_FEW = uvicorn("uvicorn, 4 connections", **pool(FEW))
#: A new thread finds no connection that another one has kept.
ASGI_WITHOUT_POOL = uvicorn("uvicorn, no pool", CONN_MAX_AGE=0)
