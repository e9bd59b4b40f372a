from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from django_chatkit.server.database import in_database


@pytest.mark.parametrize("failure", [None, ValueError("nobody asks for this")])
def test_work_that_nobody_waits_for_any_more_ends_in_silence(failure, caplog):
    begun, ended = threading.Event(), threading.Event()

    def work():
        begun.set()
        ended.wait(10)
        if failure:
            raise failure

    async def leave():
        task = asyncio.create_task(in_database(work))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        asyncio.get_running_loop().call_later(0.05, ended.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()
        del task
        gc.collect()

    asyncio.run(leave())
    gc.collect()
    assert caplog.records == []
