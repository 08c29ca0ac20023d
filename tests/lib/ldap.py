"""As much of LDAP as binds need (RFC 4511): what the server says, and its SASL credentials, as they
came over the wire."""

import socket
import ssl

SUCCESS, BIND_IN_PROGRESS, INVALID_CREDENTIALS, INSUFFICIENT_ACCESS, UNAVAILABLE = 0, 14, 49, 50, 52
WHOAMI = b"1.3.6.1.4.1.4203.1.11.3"

INTEGER, OCTETS, ENUMERATED, SEQUENCE = 0x02, 0x04, 0x0A, 0x30
BIND, BIND_RESPONSE, UNBIND, EXTENDED, EXTENDED_RESPONSE = 0x60, 0x61, 0x42, 0x77, 0x78
SASL, SASL_CREDENTIALS, REQUEST_NAME, RESPONSE_VALUE = 0xA3, 0x87, 0x80, 0x8B


def element(tag, *parts):
    """One BER element of these contents."""
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 0x80 else b"\x84" + len(body).to_bytes(4, "big")
    return bytes([tag]) + length + body


def elements(data):
    """(tag, contents) of each element that stands there."""
    found = []
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at:at + size], "big"), at + size
        found.append((tag, data[at:at + length]))
        at += length
    return found


class Answer:
    """A response: its result code, diagnostic message, SASL credentials and value."""

    def __init__(self, contents):
        parts = elements(contents)
        self.code = int.from_bytes(parts[0][1], "big")
        self.text = parts[2][1].decode()
        self.credentials = dict(parts).get(SASL_CREDENTIALS)
        self.value = dict(parts).get(RESPONSE_VALUE)

    def __repr__(self):
        return "code %d, %r, credentials %r" % (self.code, self.text, self.credentials)


class Connection:
    """To ldaps or, without a CA file, to ldap."""

    def __init__(self, port, ca=None):
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=240)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca:
            self.stream = ssl.create_default_context(cafile=ca).wrap_socket(self.stream, server_hostname="127.0.0.1")
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.stream.close()

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise AssertionError("the server has closed the connection")
            data += more
        return data

    def send(self, operation):
        self.number += 1
        self.stream.sendall(element(SEQUENCE, element(INTEGER, self.number.to_bytes(4, "big")), operation))

    def receive(self, tag):
        """The next message, which must be this response."""
        head = self.read(2)
        size = head[1] & 0x7F
        length = int.from_bytes(self.read(size), "big") if head[1] & 0x80 else head[1]
        (_, number), (got, contents) = elements(self.read(length))[:2]
        if got != tag or int.from_bytes(number, "big") != self.number:
            raise AssertionError("a response %#x with number %r" % (got, number))
        return Answer(contents)

    def step(self, mechanism, credentials=None):
        """One message of a SASL exchange. None: no credentials at all."""
        parts = [element(OCTETS, mechanism.encode())]
        if credentials is not None:
            parts.append(element(OCTETS, credentials))
        self.send(element(BIND, element(INTEGER, b"\3"), element(OCTETS), element(SASL, *parts)))
        return self.receive(BIND_RESPONSE)

    def bind(self, mechanism, credentials):
        """A whole exchange. The last answer, and the error that came before it, if one did."""
        answer = self.step(mechanism, credentials)
        if answer.code != BIND_IN_PROGRESS:
            return answer, None
        return self.step(mechanism, b"\1"), answer.credentials

    def whoami(self):
        """The DN that the connection is bound as; "" for nobody."""
        self.send(element(EXTENDED, element(REQUEST_NAME, WHOAMI)))
        return self.receive(EXTENDED_RESPONSE).value.decode()
