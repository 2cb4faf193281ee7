"""A server on the loopback that keeps what a client sends and answers with canned bytes.

It stands in for Linkway where the question is about the client alone: which headers it signs, which
protocol it picks, what it makes of an answer it does not expect.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REQUEST_ID = "6f5a3c9e-0d9b-4a55-8f4e-1f3f0d7f9a10"


@dataclass(frozen=True)
class Seen:
    """One request as it came off the wire; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        return self.headers["x-amz-target"].split(".", 1)[1]

    @property
    def scope(self) -> tuple[str, str]:
        """Region and service of the credential scope."""
        credential = self.headers["authorization"].split("Credential=", 1)[1].split(",")[0]
        _, _, region, service, _ = credential.split("/")
        return region, service

    @property
    def signed_headers(self) -> list[str]:
        return self.headers["authorization"].split("SignedHeaders=", 1)[1].split(",")[0].split(";")

    def json(self) -> object:
        return json.loads(self.body)


@dataclass(frozen=True)
class Canned:
    """An answer: a JSON document with a status, and the content type that goes with it."""

    document: dict
    status: int = 200

    @property
    def content_type(self) -> str:
        return "application/x-amz-json-1.1" if self.status == 200 else "application/json"


Answerer = Callable[[Seen], Canned]


class Capture:
    """What arrived so far, and where to send requests."""

    def __init__(self, answer: Answerer) -> None:
        self.seen: list[Seen] = []
        self._answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        capture = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, self.rfile.read(length))
                capture.seen.append(seen)
                answer = capture._answer(seen)
                body = json.dumps(answer.document).encode()
                self.send_response(answer.status)
                self.send_header("content-type", answer.content_type)
                self.send_header("content-length", str(len(body)))
                if answer.status != 200:
                    self.send_header("x-amzn-errortype", answer.document["__type"])
                self.send_header("x-amzn-requestid", REQUEST_ID)
                self.send_header("x-amz-requestid", REQUEST_ID)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """The default writes every request to stderr."""

        return Handler

    @contextmanager
    def running(self) -> Iterator[Capture]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
