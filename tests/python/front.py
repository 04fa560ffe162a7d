"""A server that behaves as a Lambda Function URL with `AWS_IAM` does: `front.py FOLDER`.

`settings.json` in the folder says who is known, where requests go and what time it is; it is read
again for every request, so that a test can change it. What is judged is written to stdout, one line of
JSON each, before it is answered. It listens on 127.0.0.1 only, with `server.pem` and `server.key`
where the settings ask for TLS.
"""

import json
import ssl
import sys
import threading
import uuid
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import urllib3

import function_url
from signature import Refusal, Request, judge

FOLDER = Path(sys.argv[1])
# "Lambda quotas": the payload of a synchronous invocation.
BODY_MAX = 6 * 1024 * 1024
# The response times out with the function; fifteen minutes is the longest there is.
PATIENCE_S = 900
UPSTREAM = urllib3.PoolManager(maxsize=64, retries=False, timeout=PATIENCE_S)
KEPT_BACK = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}

counting = threading.Lock()
connections = 0


def settings():
    return json.loads((FOLDER / "settings.json").read_text())


def say(message):
    # One write, because lines of several threads must not mix.
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet, and no waiting for more.
    wbufsize = -1
    disable_nagle_algorithm = True

    def setup(self):
        global connections
        super().setup()
        with counting:
            connections += 1
            self.number = connections

    def handle(self):
        try:
            super().handle()
        except OSError:
            # A client that hangs up, or that does not believe our certificate, is its own affair.
            self.close_connection = True

    def serve(self):
        known = settings()
        now = datetime.now(timezone.utc) + timedelta(seconds=known["clock_offset_s"])
        seen = {"connection": self.number, **self.handshake()}
        try:
            request = self.whole_request()
            seen["access_key"] = claimed_key(request)
            access_key, caller = judge(request, known, now)
            event = function_url.event(request, known, access_key, caller, now)
            seen["event"] = event
            status, headers, body = pass_on(request, event, known)
        except Refusal as refusal:
            seen["error_type"] = refusal.error_type
            status, body = refusal.status, json.dumps(refusal.body).encode()
            headers = [("content-type", "application/json"), ("x-amzn-errortype", refusal.error_type)]
        say({"judged": status, **seen})
        self.reply(status, [*headers, ("date", format_datetime(now, usegmt=True))], body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def whole_request(self):
        length = int(self.headers.get("content-length") or 0)
        if length > BODY_MAX:
            self.close_connection = True
            raise Refusal(
                "RequestEntityTooLargeException",
                f"Request must be smaller than {BODY_MAX} bytes for the InvokeFunction operation",
                status=413,
            )
        body = self.rfile.read(length)
        return Request(self.command, self.path, list(self.headers.items()), body)

    def handshake(self):
        if not isinstance(self.connection, ssl.SSLSocket):
            return {}
        return {"tls": self.connection.version(), "was_resumed": self.connection.session_reused}

    def reply(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("x-amzn-requestid", str(uuid.uuid4()))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        """stdout says it already."""


def claimed_key(request):
    _, found, rest = (request.header("authorization") or "").partition("Credential=")
    return rest.partition("/")[0] if found else None


def pass_on(request, event, known):
    headers = dict(event["headers"])
    try:
        if known["passes"] == "event":
            payload = json.dumps(event).encode()
            headers = {"content-type": "application/json"}
            answered = UPSTREAM.request("POST", known["upstream"], body=payload, headers=headers)
            if answered.status != 200 or "x-amz-function-error" in answered.headers:
                return failed()
            return function_url.answer(answered.data)
        headers["x-amzn-request-context"] = json.dumps(event["requestContext"])
        # `overtime serve` takes batches from this machine only, and would see that somebody has handed this one on.
        for name in [it for it in headers if it.lower().startswith("x-forwarded-")]:
            del headers[name]
        url = known["upstream"] + request.target
        answered = UPSTREAM.request(
            request.method, url, body=request.body, headers=headers, redirect=False
        )
    except (urllib3.exceptions.HTTPError, ValueError):
        return failed()
    kept = [(name, it) for name, it in answered.headers.items() if name.lower() not in KEPT_BACK]
    return answered.status, kept, answered.data


def failed():
    """What a caller is told when the function did not give a usable answer."""
    return 502, [("content-type", "application/json")], b"Internal Server Error"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main():
    server = Server(("127.0.0.1", 0), Front)
    if settings()["tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(FOLDER / "server.pem", FOLDER / "server.key")
        context.set_alpn_protocols(["http/1.1"])
        # Each connection's own thread shakes hands, or a silent client would keep out all others.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    say({"listening": server.server_address[1]})
    server.serve_forever()


main()
