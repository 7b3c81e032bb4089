"""A stand-in for the metadata server of Google Cloud on this machine: where a task of Cloud Run gets its token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "ya29.SECRET-TOKEN"  # noqa: S105 - not a real token
ACCOUNT = "/computeMetadata/v1/instance/service-accounts/"


class Handler(BaseHTTPRequestHandler):
    """Answers what google-auth asks: is it there, which account, a token of it."""

    def do_GET(self) -> None:
        """Answer one question; the header keeps pages that a browser is led to from asking."""
        if self.headers.get("Metadata-Flavor") != "Google":
            self.send_error(403)
            return
        path = self.path.partition("?")[0]
        answers: dict[str, object] = {
            "/": "",
            "/computeMetadata/v1/project/project-id": "pipeline-local",
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
            f"{ACCOUNT}default/": {"email": "predict@pipeline-local.iam.gserviceaccount.com", "scopes": []},
            f"{ACCOUNT}default/token": {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"},
        }
        answers[f"{ACCOUNT}predict@pipeline-local.iam.gserviceaccount.com/token"] = answers[f"{ACCOUNT}default/token"]
        self.server.asked.append(path)  # type: ignore[attr-defined]
        if path not in answers:
            self.send_error(404)
            return
        found = answers[path]
        content = found if isinstance(found, str) else json.dumps(found)
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def metadata_server() -> Iterator[tuple[dict[str, str], list[str]]]:
    """Run one; yields the variables that lead Google's libraries to it, and what was asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    place = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield {"GCE_METADATA_HOST": place, "GCE_METADATA_IP": place}, server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
