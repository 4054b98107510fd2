"""Where cores are short, what answers at once goes before what decodes, and nobody is interrupted halfway."""

import asyncio
import base64
import ctypes
import os
import threading

import httpx
import psutil

from frontend.app import make_pipeline
from frontend.images import RgbImage
from frontend.scheduling import TURN_S
from frontend.settings import Settings
from frontend.timing import StageClock
from frontend.warm_threads import GIVES_WAY_BY
from tests.conftest import Stack, jpeg_of, tritonserver


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


def test_nothing_on_the_way_to_a_verdict_interrupts_another(
    stack: Stack, client: httpx.Client, hash_id: str, portrait_jpeg: bytes
) -> None:
    body = {"hash_id": hash_id, "selfie_image": base64.b64encode(portrait_jpeg).decode()}
    assert client.post("/liveness", json=body).status_code == 201  # threads that decode are started when it is time
    service = psutil.Process(stack.process.pid)
    event_loop = service.pid
    decoding = [t.id for t in service.threads() if os.getpriority(os.PRIO_PROCESS, t.id) >= GIVES_WAY_BY]
    inferring = [thread.id for thread in tritonserver(service).threads()]
    assert decoding
    assert inferring
    assert {os.sched_getscheduler(thread) for thread in (event_loop, *decoding, *inferring)} == {os.SCHED_BATCH}
    if linux_heeds_turns():
        assert {turn_s(thread) for thread in (event_loop, *decoding, *inferring)} == {TURN_S}


def linux_heeds_turns() -> bool:
    major, minor = map(int, os.uname().release.split(".")[:2])
    return (major, minor) >= (6, 12)


def turn_s(thread: int) -> float:
    """Its length of turn, by sched_getattr(2) of x86-64."""
    attributes = (ctypes.c_uint64 * 6)()
    assert ctypes.CDLL(None).syscall(315, thread, attributes, ctypes.sizeof(attributes), 0) == 0
    return attributes[3] / 1e9
