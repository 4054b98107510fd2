"""A Triton for as long as one command runs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frontend.embedded.server import EmbeddedTriton
from frontend.settings import Settings


@contextmanager
def temporary_triton(settings: Settings) -> Iterator[EmbeddedTriton]:
    """The Triton that the settings ask for, in a folder that is gone at the end; raises StartRefused."""
    with (
        tempfile.TemporaryDirectory(prefix="liveness-triton-") as folder,
        EmbeddedTriton(
            model_repository=settings.model_repository,
            model=settings.triton_model,
            runtime_dir=Path(folder),
            start_timeout_s=settings.triton_start_timeout_s,
        ) as triton,
    ):
        yield triton
