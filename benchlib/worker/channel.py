"""JSON messages over a Unix socket: four bytes of length, then the text.

A message costs its sender and its receiver one system call each: the controller exchanges one per block and should be
idle meanwhile.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("!I")
_PART = 1 << 16  # bytes read at once
_TIME = struct.Struct("@ll")  # a struct timeval


class Closed(Exception):
    """The other side is gone."""


class Channel:
    """One end of a conversation. `receive(timeout)` raises TimeoutError, both raise Closed."""

    def __init__(self, sock: socket.socket):
        sock.setblocking(True)
        self.sock = sock
        self._received, self._patience = b"", 0.0

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        try:
            self.sock.sendall(_LENGTH.pack(len(body)) + body)
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message; `timeout` is the longest silence, in seconds."""
        return json.loads(self.receive_text(timeout))

    def receive_text(self, timeout: float | None = None) -> bytes:
        """The same as it came."""
        (length,) = _LENGTH.unpack(self._first(_LENGTH.size, timeout))
        return self._first(length, timeout)

    def close(self) -> None:
        self.sock.close()

    def _first(self, count: int, timeout: float | None) -> bytes:
        """So many bytes of what has been received, waited for where they are not there yet."""
        if len(self._received) < count:
            self._wait_for(0.0 if timeout is None else max(timeout, 1e-6))
            parts, missing = [self._received], count - len(self._received)
            while missing > 0:
                parts.append(self._part())
                missing -= len(parts[-1])
            self._received = b"".join(parts)
        found, self._received = self._received[:count], self._received[count:]
        return found

    def _part(self) -> bytes:
        try:
            part = self.sock.recv(_PART)
        except BlockingIOError:
            raise TimeoutError("nothing came in time") from None
        except OSError as error:
            raise Closed(str(error)) from error
        if not part:
            raise Closed("end of stream")
        return part

    def _wait_for(self, seconds: float) -> None:
        """Lets the kernel keep the time, 0: any, which spares a call for each message (Python's own timeout polls)."""
        if seconds != self._patience:
            whole, micro = divmod(math.ceil(seconds * 1e6), 10**6)  # rounded down to 0 it would be for ever
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIME.pack(whole, micro))
            self._patience = seconds
