"""How long each stage of one request took."""

import time


class StageClock:
    """Takes the time from one stage to the next; `server_timing` reports it.

    `stages_s` holds the seconds of each. One request passes it along from stage to stage, so that it is never used
    from two threads at once.
    """

    def __init__(self) -> None:
        self._began_s = self._last_s = time.perf_counter()
        self.stages_s: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """The stage has ended just now; it began where the one before ended."""
        now_s = time.perf_counter()
        self.stages_s[stage] = self.stages_s.get(stage, 0.0) + now_s - self._last_s
        self._last_s = now_s

    def elapsed_s(self) -> float:
        """Seconds since this clock was made."""
        return time.perf_counter() - self._began_s

    def server_timing(self) -> str:
        """The stages in milliseconds, as the value of a Server-Timing header (W3C, Server Timing)."""
        return ", ".join(f"{stage};dur={1000 * seconds:.2f}" for stage, seconds in self.stages_s.items())
