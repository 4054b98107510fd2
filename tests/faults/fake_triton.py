"""A small real server that plays Triton, well or badly."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Respond = Callable[[BaseHTTPRequestHandler], None]


class FakeTriton(ThreadingHTTPServer):
    """Answers every inference with `respond`, which writes to the handler what it likes."""

    daemon_threads = True
    request_queue_size = 128
    respond: Respond

    @contextmanager
    def doing(self, respond: Respond) -> Iterator[None]:
        """Respond in this way for a while, and then as before."""
        before, self.respond = self.respond, respond
        try:
            yield
        finally:
            self.respond = before


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.respond(self)  # type: ignore[attr-defined]

    def log_message(self, *_args: object) -> None:
        """Stay quiet."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            """The service has given up on this answer."""


@contextmanager
def fake_triton() -> Iterator[FakeTriton]:
    """A Triton that judges everything live, with 0.75, until told otherwise."""
    with FakeTriton(("127.0.0.1", 0), Handler) as server:
        server.respond = judge_live
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def tensor_answer(raw: bytes, shape: list[int], datatype: str = "FP32", name: str = "live") -> tuple[bytes, int]:
    output = {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(raw)}}
    header = json.dumps({"model_name": "anti_spoof", "model_version": "1", "outputs": [output]}).encode()
    return header + raw, len(header)


def send(handler: BaseHTTPRequestHandler, body: bytes, header_bytes: int | None = None, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    if header_bytes is not None:
        handler.send_header("Inference-Header-Content-Length", str(header_bytes))
    handler.end_headers()
    handler.wfile.write(body)


def answering(score: bytes, shape: list[int], **fields: str) -> Respond:
    return lambda handler: send(handler, *tensor_answer(score, shape, **fields))


judge_live = answering(struct.pack("<f", 0.75), [1, 1])


def close_half_way(handler: BaseHTTPRequestHandler) -> None:
    body, header_bytes = tensor_answer(struct.pack("<f", 0.9), [1, 1])
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Inference-Header-Content-Length", str(header_bytes))
    handler.end_headers()
    handler.wfile.write(body[:20])
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def judge_late(handler: BaseHTTPRequestHandler, after_s: float) -> None:
    time.sleep(after_s)
    judge_live(handler)
