"""Where cores are short, what answers at once goes before what decodes."""

import asyncio
import os
import threading

from frontend.app import make_pipeline
from frontend.images import RgbImage
from frontend.pipeline import GIVES_WAY_BY
from frontend.settings import Settings
from frontend.timing import StageClock
from tests.conftest import jpeg_of


def test_threads_that_decode_are_nicer_than_the_event_loop(portrait: RgbImage) -> None:
    async def niceness_of_both() -> tuple[int, set[int]]:
        pipeline = make_pipeline(Settings(triton_url="127.0.0.1:1"))
        await pipeline.examine(jpeg_of(portrait), StageClock())
        decoding = {thread.native_id for thread in threading.enumerate() if thread.name.startswith("pipeline")}
        found = {os.getpriority(os.PRIO_PROCESS, native_id) for native_id in decoding if native_id}
        await pipeline.close()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), found

    loop, decoding = asyncio.run(niceness_of_both())
    assert decoding == {min(19, loop + GIVES_WAY_BY)}
