"""JSON messages over a Unix socket: four bytes of length, then the text."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any


class Closed(Exception):
    """The other side is gone."""


class Channel:
    """One end of a conversation. `receive(timeout)` raises TimeoutError, both raise Closed."""

    def __init__(self, sock: socket.socket):
        self.sock = sock

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        self.sock.settimeout(None)
        try:
            self.sock.sendall(struct.pack("!I", len(body)) + body)
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self, timeout: float | None = None) -> dict[str, Any]:
        self.sock.settimeout(timeout)
        (length,) = struct.unpack("!I", self._exactly(4))
        return json.loads(self._exactly(length))

    def close(self) -> None:
        self.sock.close()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self.sock.recv(count - len(parts))
            except TimeoutError:
                raise
            except OSError as error:
                raise Closed(str(error)) from error
            if not part:
                raise Closed("end of stream")
            parts += part
        return bytes(parts)
