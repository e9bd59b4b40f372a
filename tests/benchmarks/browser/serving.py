"""The site in a server of its own, and OpenAI's script on another one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

import django_chatkit

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ROOT = Path(__file__).resolve().parents[3]
STANDIN = Path(__file__).with_name("chatkit.js").read_bytes()
TYPES = {".js": "text/javascript", ".css": "text/css"}


@contextmanager
def site(base_url: str, script_url: str) -> Iterator[str]:
    """The address of a site of this benchmark's database, served by gunicorn."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    chatkit = {"API_KEY": "sk-tests-benchmarks", "BASE_URL": base_url, "SCRIPT_URL": script_url, "THROTTLE_RATE": None}
    settings = {"ROOT_URLCONF": "tests.benchmarks.browser.pages", "DJANGO_CHATKIT": chatkit}
    environment = {**os.environ, "BENCHMARK_SETTINGS": json.dumps(settings)}
    command = [sys.executable, "-m", "gunicorn", "--bind", address, "--threads", "16", "--log-level", "warning"]
    application = "tests.benchmarks.browser.serving:application()"
    with subprocess.Popen([*command, application], cwd=ROOT, env=environment) as process:
        try:
            _wait(f"http://{address}/tag/", process)
            yield f"http://{address}"
        finally:
            process.terminate()


def application() -> WSGIApplication:
    """The site; its static files come out of memory, without Django, as from WhiteNoise or a server in front."""
    django = get_wsgi_application()
    folder = Path(django_chatkit.__file__).parent / "static"
    files = {f"/static/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.suffix in TYPES}
    kept = {address: (TYPES[path.suffix], path.read_bytes()) for address, path in files.items()}

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in kept:
            return django(environ, start_response)
        content_type, body = kept[environ["PATH_INFO"]]
        start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    return answer


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            return urllib.request.urlopen(url).close()
        except urllib.error.URLError:
            if process.poll() is not None:
                raise RuntimeError("The site's server did not start.") from None
            time.sleep(0.05)


@contextmanager
def script(delay: float) -> Iterator[str]:
    """The address of a stand-in for OpenAI's script, which arrives after ``delay`` seconds."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(delay)
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(STANDIN)))
            self.end_headers()
            self.wfile.write(STANDIN)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/deployments/chatkit/chatkit.js"
        finally:
            server.shutdown()
