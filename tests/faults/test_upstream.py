"""Every row of the table of faults, from the visitor's side."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.behaviours import hang_up

from .upstream import FAULTS, UPSTREAM, Fault

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_openai_may_do(fault: Fault, endure: Callable[..., None]) -> None:
    endure(fault)


def test_nobody_listens(endure: Callable[..., None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    endure(Fault("", hang_up, UPSTREAM, attempts=0, base_url=lambda _: f"http://127.0.0.1:{port}/v1"))
