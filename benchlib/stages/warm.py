"""The warm server of a trial: the driver's, when a sweep runs it, else one of the kernel's own."""

from __future__ import annotations

import os
from functools import cached_property

from benchlib.fingerprint import plugins_of
from benchlib.registries import passes
from benchlib.trial import Trial
from benchlib.worker.client import SOCKET_VARIABLE, Lease, Server

_own: dict[tuple, Server] = {}  # the servers of this kernel, kept for its life: a second run starts warm


def packages_of(trials: list[Trial]) -> tuple[str, ...]:
    """What a warm server imports for these trials, in a fixed order; what passes need is a builder's affair."""
    used = {(registry, name) for t in trials for registry, name in plugins_of(t) if registry is not passes}
    return tuple(sorted({p for registry, name in used for p in registry.get(name).packages}))


class WarmServer:
    """Leads to a warm server; nothing is started before a worker is forked."""

    def __init__(self, trial: Trial, threads: int):
        self.trial, self.threads = trial, threads

    @cached_property
    def _lease(self) -> Lease:
        path = os.environ.get(SOCKET_VARIABLE)
        if not path:
            key = (packages_of([self.trial]), self.threads)
            if key not in _own or not _own[key].alive:
                _own[key] = Server(*key)
            path = _own[key].path
        return Lease(path)

    def lease(self) -> Lease:
        return self._lease

    def close(self) -> None:
        """Gives the lease back; workers that are left end with it."""
        if "_lease" in self.__dict__:
            self._lease.close()
            del self._lease
