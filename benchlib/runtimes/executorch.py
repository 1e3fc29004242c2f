"""ExecuTorch's runtime: a `.pte` on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from benchlib import tensors
from benchlib.registry import Facts, Runtime
from benchlib.runtimes import OpenRequest
from benchlib.tensors import FlatArrays, Inputs


class ExecutorchSession:
    """A program's method `forward`, called on the flat tensors of the inputs in order."""

    def __init__(self, program: Any, request: OpenRequest):
        self.program, self.request = program, request
        self.method = program.load_method("forward")

    @cached_property
    def facts(self) -> Facts:
        from executorch.extension.pybindings.portable_lib import _threadpool_get_thread_count as threads

        return {
            "providers": "CPU",
            "threads": threads(),
            "precision": {"matmul": "ieee", "convolution": "ieee"},
        }

    def bind(self, inputs: Inputs, flat: FlatArrays) -> Callable[[], Any]:
        """A call with the flat tensors in order; the outputs are copies, which ExecuTorch makes of its own memory."""
        return partial(self.method.execute, [tensors.to_torch(array).contiguous() for array in flat.values()])


def open(request: OpenRequest) -> ExecutorchSession:
    """The program with its weights mapped; its thread pool, one for the process, gets the request's threads."""
    from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
    from executorch.runtime import Runtime as Executorch
    from executorch.runtime import Verification

    _unsafe_reset_threadpool(request.threads)
    program = Executorch.get().load_program(request.artifact, verification=Verification.Minimal)
    return ExecutorchSession(program, request)


runtime = Runtime(
    name="executorch",
    summary="ExecuTorch",
    opens=("pte",),
    open=open,
    packages=("executorch",),
    providers={"CPU": "cpu"},
)
