"""Triton Inference Server as a child process of the service: the default where no Triton runs elsewhere."""

from frontend.embedded.installation import check_machine
from frontend.embedded.server import EmbeddedTriton
from frontend.embedded.temporary import temporary_triton

__all__ = ["EmbeddedTriton", "check_machine", "temporary_triton"]
