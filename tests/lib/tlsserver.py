"""An HTTPS server on loopback for tests: it answers as told, and records every request.

Of its own it knows nothing of OAuth2; issuer.py and glewlwyd.py put a provider behind it.
"""

import http.server
import os
import socket
import ssl
import threading
import time

from sandbox import reserve
from world import run


class Reply:
    """status, headers and body of an answer."""

    def __init__(self, status=200, body=b"", content_type="application/json", **headers):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = {"Content-Type": content_type, **{k.replace("_", "-"): v for k, v in headers.items()}}


class Request:
    def __init__(self, handler, body):
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.body = body


class Server:
    """`answer` makes a Reply of a Request, on threads of the server's own. None: the connection is
    closed without an answer."""

    def __init__(self, directory, answer, port=0):
        os.makedirs(directory, exist_ok=True)
        self.answer = answer
        self.delay = 0
        # No answer goes out while it is closed
        self.gate = threading.Event()
        self.gate.set()
        self.record = []
        self.ca = directory + "/cert.pem"
        self.key = directory + "/key.pem"
        if not os.path.exists(self.ca):
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=provider", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                "-keyout", self.key, "-out", self.ca)
            os.chmod(self.ca, 0o644)
        self.port = port
        self.start()

    @property
    def url(self):
        return "https://127.0.0.1:%d" % self.port

    def start(self):
        """Serve at the port of before."""
        outer = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, self.key)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def setup(self):
                # Here, on the connection's own thread: a client that says nothing stops nobody else
                self.request.settimeout(30)
                self.request = context.wrap_socket(self.request, server_side=True)
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                super().setup()

            def reply(self):
                outer.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = reply  # pylint: disable=invalid-name

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                pass

        class Listener(http.server.ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # clients that go away are none of ours

        self.server = Listener(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        reserve(self.port)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler, body)
        self.record.append(request)
        if self.delay:
            time.sleep(self.delay)
        self.gate.wait()
        reply = self.answer(request)
        if reply is None:
            handler.close_connection = True
            return
        handler.send_response_only(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)

    def clear(self):
        """What is recorded from here on is this case's own."""
        self.delay = 0
        self.gate.set()
        self.record = []

    def count(self, part):
        """How many requests had this in their path."""
        return sum(part in request.path for request in self.record)
