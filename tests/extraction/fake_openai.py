"""A real HTTP server that speaks OpenAI's protocol and misbehaves on demand."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass
class Reply:
    """What the server sends. After `cut` bytes of the body it closes the connection; `delay` is in seconds."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None


@dataclass
class Request:
    """A request: its number (from 0), which time this prompt is asked (from 0), the prompt, the body and headers."""

    number: int
    attempt: int
    prompt: str
    body: dict[str, Any]
    headers: dict[str, str]


Behaviour = Callable[[Request], Reply | None]


def fault(status: int, message: str, **headers: str) -> Reply:
    """An error as OpenAI words it."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    return Reply(status, json.dumps(body).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


def answer(text: str | None, mode: str = "chat", usage: tuple[int, int] | None = (10, 5), **choice: Any) -> Reply:
    """A good answer, with its usage (tokens of prompt and answer)."""
    said = {"message": {"role": "assistant", "content": text}} if mode == "chat" else {"text": text}
    choices = [{"index": 0, "finish_reason": "stop", **said, **choice}]
    body: dict[str, Any] = {"id": "1", "object": "x", "choices": choices}
    if usage:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Reply(body=json.dumps(body).encode())


class FakeOpenAI:
    """The server, as a context manager. `behaviour` may answer a request in its own way; None is a good answer.

    `answered` counts the good answers that each prompt got in full, `asked` all requests.
    """

    models = ("tiny", "tiny-chat")

    def __init__(self, behaviour: Behaviour = lambda request: None) -> None:
        self.behaviour = behaviour
        self.asked, self.answered = Counter[str](), Counter[str]()
        self.requests: list[Request] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _register(self, body: dict[str, Any], headers: dict[str, str]) -> Request:
        prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
        with self._lock:
            request = Request(len(self.requests), self.asked[prompt], prompt, body, headers)
            self.asked[prompt] += 1
            self.requests.append(request)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        return request

    def _reply(self, request: Request) -> Reply:
        if request.body["model"] not in self.models:
            return fault(404, f"The model `{request.body['model']}` does not exist")
        mode = "chat" if "messages" in request.body else "completion"
        return self.behaviour(request) or answer(f"answer to {request.prompt}", mode)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                data = {"object": "list", "data": [{"id": m, "object": "model"} for m in fake.models]}
                self._send(Reply(body=json.dumps(data).encode()))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = fake._register(body, dict(self.headers))
                reply = fake._reply(request)
                time.sleep(reply.delay)
                with fake._lock:
                    fake.at_once -= 1
                if self._send(reply) and reply.status == 200 and reply.cut is None and reply.body.endswith(b"}"):
                    with fake._lock:
                        fake.answered[request.prompt] += 1

            def _send(self, reply: Reply) -> bool:
                self.close_connection = reply.cut is not None
                try:
                    self.send_response(reply.status)
                    usual = {"Content-Type": "application/json", "Content-Length": str(len(reply.body))}
                    for name, value in {**usual, **reply.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.body[: reply.cut])
                except OSError:
                    return False
                return True

        return Handler
