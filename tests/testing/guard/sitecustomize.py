"""First on a process's path: it may then talk to this machine, and to nobody else."""

from __future__ import annotations

import sys
from typing import Any

HERE = ("127.0.0.1", "localhost", "::1", None)


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo" and arguments[0] not in HERE:
        raise RuntimeError(f"Somebody asks where {arguments[0]} is.")
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in HERE:
        raise RuntimeError(f"Somebody connects to {arguments[1]}.")


sys.addaudithook(refuse)
