"""The work that nobody can avoid, in a plain loop: decode, detect, crop, run the network. No server, no queue."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lib.command import Unable
from frontend.decoding import ImageLimits
from frontend.embedded.selfcheck import model_file
from frontend.images import RgbImage
from frontend.onnx_session import one_thread_session
from frontend.preparation import Preparer
from frontend.settings import load_settings
from frontend.timing import StageClock

Stages = dict[str, float]
"""Stage → seconds."""


class Worker:
    """What one thread needs, with the very functions of the service."""

    def __init__(self, model: Path | None = None) -> None:
        settings = load_settings()
        cv2.setNumThreads(1)
        limits = ImageLimits(int(settings.max_image_megapixels * 1e6), settings.max_image_side_pixels)
        self._preparer = Preparer(limits, settings.face_threshold)
        path = model or model_file(settings.model_repository, settings.triton_model)
        self._session = one_thread_session(path)
        self._inputs = [tensor.name for tensor in self._session.get_inputs()]

    def judge(self, data: bytes) -> float:
        """One pass: the bytes of a file with a face → P(live)."""
        return self.network(self.crop(data, {}))

    def crop(self, data: bytes, spent: Stages) -> RgbImage:
        """The part before the network, by the service's own code; what each stage took is added to `spent`."""
        clock = StageClock()
        crop = self._preparer.crop_of(data, clock)
        if crop is None:
            raise Unable("there is no face in the picture")
        for stage, seconds in clock.stages_s.items():
            spent[stage] = spent.get(stage, 0.0) + seconds
        return crop

    def network(self, crop: RgbImage) -> float:
        """P(live) of one crop; a model of several crops, such as one to compare with, is given the same for each."""
        (live,) = self._session.run(["live"], dict.fromkeys(self._inputs, crop[np.newaxis]))
        return float(np.asarray(live)[0, 0])


def rate_on_threads(work: Sequence[Callable[[], object]], seconds: float) -> float:
    """Calls a second when each of these is called again and again on a thread of its own."""
    counts = [0] * len(work)
    start = threading.Barrier(len(work) + 1)
    end_s = [0.0]

    def loop(index: int) -> None:
        call = work[index]
        start.wait()
        while time.perf_counter() < end_s[0]:
            call()
            counts[index] += 1

    threads = [threading.Thread(target=loop, args=(index,)) for index in range(len(work))]
    for thread in threads:
        thread.start()
    begun_s = time.perf_counter()
    end_s[0] = begun_s + seconds
    start.wait()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun_s)


def median_ms(call: Callable[[], object], seconds: float) -> float:
    """Median time of a call, made again and again on this thread for so long."""
    times_s: list[float] = []
    end_s = time.perf_counter() + seconds
    while not times_s or time.perf_counter() < end_s:
        begun_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - begun_s)
    return 1000 * statistics.median(times_s)


def full_decode(data: bytes) -> NDArray[np.uint8]:
    """The whole picture by OpenCV, BGR: what a 12-megapixel photograph is compared with."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
