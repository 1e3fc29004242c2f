"""A fresh worker: `python benchlib/worker/__main__.py FD`, its channel being the inherited socket FD."""

import os
import socket
import sys

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    # Started by path: this folder is sys.path[0], and its modules are nobody's top-level modules.
    sys.path[0] = os.path.dirname(os.path.dirname(here))

    from benchlib.worker import process, service
    from benchlib.worker.channel import Channel

    process.die_with_parent()
    service.main(Channel(socket.socket(fileno=int(sys.argv[1]))))
