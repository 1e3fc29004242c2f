"""Kernels that talk over Unix sockets in a private folder: no ports, no races between kernels that start together."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from queue import Empty
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict, Type, Unicode, default

_ANSWER, _BROADCAST = 1.0, 0.2  # seconds until a question to the kernel is put again
_RECONNECT = 10  # milliseconds, of ZeroMQ's 100: a socket file appears when its kernel is up


class PromptKernelClient(AsyncKernelClient):
    """Knows that a kernel is ready from what the kernel says, where its base class waits until nothing comes for a
    fifth of a second, in every trial."""

    def _context_default(self) -> zmq.asyncio.Context:
        context = super()._context_default()
        context.setsockopt(zmq.RECONNECT_IVL, _RECONNECT)
        return context

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Returns when the kernel has answered, and has been heard to be idle after that: then both channels stand
        and hold nothing old. Raises RuntimeError for a kernel that has died or does not answer in `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            question = self.kernel_info()
            reply = await self._heard(self.shell_channel, question, "kernel_info_reply", _ANSWER)
            if reply and await self._heard(self.iopub_channel, question, "status", _BROADCAST, "idle"):
                return self._handle_kernel_info_reply(reply)
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if deadline is not None and time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _heard(self, channel: Any, question: str, kind: str, patience: float, state: str | None = None) -> Any:
        """The message of a kind that answers a question; what came before it is dropped. None: it did not come."""
        while True:
            try:
                message = await channel.get_msg(timeout=patience)
            except Empty:
                return None
            ours = message["parent_header"].get("msg_id") == question
            if ours and message["msg_type"] == kind and message["content"].get("execution_state") == state:
                return message


class PrivateKernelManager(AsyncKernelManager):
    """A kernel with its sockets and connection file in a folder of its own, and an environment that is built,
    not inherited: `extra_environment` on top of the driver's, without what would leak into a notebook."""

    extra_environment = Dict()
    folder = Unicode()
    client_factory = Type(PromptKernelClient)

    @default("folder")
    def _default_folder(self) -> str:
        return tempfile.mkdtemp(prefix="benchlib-k-")  # short: a Unix socket's path has 107 bytes at most

    @default("transport")
    def _default_transport(self) -> str:
        return "ipc"

    @default("ip")
    def _default_ip(self) -> str:
        return os.path.join(self.folder, "k")

    @default("connection_file")
    def _default_connection_file(self) -> str:
        return os.path.join(self.folder, "kernel.json")

    @property
    def kernel_spec(self) -> KernelSpec:
        """This very interpreter: a kernelspec `python3` in the user's own folders may be another one."""
        # Quiet: a kernel is interrupted before it is ended, and may complain of that on the user's terminal.
        quiet = "--Application.log_level=CRITICAL"
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", quiet]
        return KernelSpec(argv=argv, language="python", display_name="Python 3 (ipykernel)")

    async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]  # theirs is the same, behind `run_sync`
        env = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
        kwargs["env"] = {**env, "IPYTHONDIR": os.path.join(self.folder, "ipython"), **self.extra_environment}
        await super().start_kernel(**kwargs)

    async def cleanup_resources(self, restart: bool = False) -> None:  # type: ignore[override]  # so is theirs
        await super().cleanup_resources(restart)
        if not restart:
            shutil.rmtree(self.folder, ignore_errors=True)


def with_environment(environment: dict[str, str]) -> type[PrivateKernelManager]:
    """The class that Papermill is given, its kernels carrying `environment`."""
    return type("TrialKernelManager", (PrivateKernelManager,), {"extra_environment": Dict(environment)})
