"""Pictures are prepared wherever the service may run."""

import asyncio
import os

import pytest

from frontend.app import make_pipeline
from frontend.images import RgbImage
from frontend.settings import Settings
from frontend.timing import StageClock
from tests.conftest import jpeg_of


def test_they_are_prepared_where_a_sandbox_forbids_to_be_nice(
    portrait: RgbImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As systemd does by `SystemCallFilter=~@resources`."""

    def forbidden(_by: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    async def faces() -> int:
        pipeline = make_pipeline(Settings(triton_url="127.0.0.1:1"))
        details = await asyncio.wait_for(pipeline.examine(jpeg_of(portrait), StageClock()), timeout=10)
        await pipeline.close()
        return len(details.examination.faces)

    monkeypatch.setattr(os, "nice", forbidden)
    assert asyncio.run(faces()) == 1
