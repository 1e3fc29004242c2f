"""A warm server: imports packages once, then forks a worker for each request.

    python benchlib/worker/server.py SOCKET '["torch", "onnxruntime"]'

It listens before it imports, so that a client may connect at once and wait. It never runs a model and never
touches a device. A client's connection is its lease: when it closes, all workers forked for it are killed.
Requests carry two descriptors (the worker's socket, its log) and `{"mark", "environment", "cwd"}`; answers
are `{"pid"}` at once and `{"ended": pid, "status"}` when a worker has ended.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress

_REQUEST_LIMIT = 1 << 20


def serve(path: str, packages: list[str]) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen()
    for package in packages:
        with suppress(ImportError):  # a worker that needs it will say so
            imports.import_shared(package)
    gc.collect()
    gc.freeze()  # shared pages stay shared: no collection of a child touches these objects
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    clients: dict[socket.socket, set[int]] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                client, _ = listener.accept()
                clients[client] = set()
                selector.register(client, selectors.EVENT_READ)
            elif isinstance(key.fileobj, socket.socket):
                _answer(key.fileobj, clients, selector, listener)
            else:
                pid, client = key.data
                _bury(key.fd, pid, client, clients, selector)


def _answer(client: socket.socket, clients: dict, selector: selectors.BaseSelector, listener: socket.socket) -> None:
    try:
        message, descriptors, _, _ = socket.recv_fds(client, _REQUEST_LIMIT, 2)
    except OSError:
        message, descriptors = b"", []
    if not message:
        selector.unregister(client)
        for pid in clients.pop(client):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        client.close()
        return
    pid = os.fork()
    if pid == 0:
        listener.close()
        for other in clients:
            other.close()
        selector.close()
        _become_worker(json.loads(message), *descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    clients[client].add(pid)
    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, client))
    client.send(json.dumps({"pid": pid}).encode())


def _bury(pidfd: int, pid: int, client: socket.socket, clients: dict, selector: selectors.BaseSelector) -> None:
    selector.unregister(pidfd)
    os.close(pidfd)
    _, status = os.waitpid(pid, 0)
    if client in clients:
        clients[client].discard(pid)
        with suppress(OSError):
            client.send(json.dumps({"ended": pid, "status": os.waitstatus_to_exitcode(status)}).encode())


def _become_worker(request: dict, channel: int, log: int) -> None:
    """The forked child: never returns."""
    try:
        process.die_with_parent()
        process.mark_self(request["mark"])
        os.environ.update(request["environment"])
        os.chdir(request["cwd"])
        os.dup2(log, 1)
        os.dup2(log, 2)
        service.main(Channel(socket.socket(fileno=channel)))
    finally:
        os._exit(1)


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(os.path.dirname(here))  # started by path, as benchlib/worker/__main__.py

    from benchlib.worker import imports, process, service
    from benchlib.worker.channel import Channel

    process.die_with_parent()
    service.know_all_verbs()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.argv[1], json.loads(sys.argv[2]))
