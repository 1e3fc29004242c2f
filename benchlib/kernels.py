"""Kernels that talk over Unix sockets in a private folder: no ports, no races between kernels that start together."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict, Unicode, default


class PrivateKernelManager(AsyncKernelManager):
    """A kernel with its sockets and connection file in a folder of its own, and an environment that is built,
    not inherited: `extra_environment` on top of the driver's, without what would leak into a notebook."""

    extra_environment = Dict()
    folder = Unicode()

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
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python", display_name="Python 3 (ipykernel)")

    async def start_kernel(self, **kwargs: Any) -> None:
        env = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
        kwargs["env"] = {**env, "IPYTHONDIR": os.path.join(self.folder, "ipython"), **self.extra_environment}
        await super().start_kernel(**kwargs)

    async def cleanup_resources(self, restart: bool = False) -> None:
        await super().cleanup_resources(restart)
        if not restart:
            shutil.rmtree(self.folder, ignore_errors=True)


def with_environment(environment: dict[str, str]) -> type[PrivateKernelManager]:
    """The class that Papermill is given, its kernels carrying `environment`."""
    return type("TrialKernelManager", (PrivateKernelManager,), {"extra_environment": Dict(environment)})
