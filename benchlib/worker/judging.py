"""The judge's side of a worker: a model's answers to sets of inputs, and what it does besides answering.

Each set is read anew for its call, and the generators of torch, numpy and Python begin each call with the seed of the
request. So a model that is a function answers alike in every process and as often as it is asked. What else it may be
shows in four places: its generators have moved on after a call, its inputs hold other bytes, its buffers do, or it
answers the first set otherwise when it is asked again. What follows from them is decided by
`benchlib.stages.nature`.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.worker.binding import bound
from benchlib.worker.messages import Judgement, JudgeModel, NameRandomOperators, RandomOperators
from benchlib.worker.service import Worker, problem_of, verb
from benchlib.worker.verbs import open_artifact

# The operators of ONNX that draw random numbers; Dropout does in training mode.
RANDOM_OPERATORS = (
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
)  # fmt: skip
WHOLE = 64 << 20  # bytes of a buffer that are hashed whole; of a larger one a sample
OF_WEIGHTS = 1 << 20  # the same of a parameter, which few models write into
STRIDE = 4093  # of a larger one every 4093rd byte: a prime, so that no regular pattern is missed
_EDGE = 1 << 16  # … and its first and last bytes


@verb
def judge_model(worker: Worker, request: JudgeModel) -> Judgement:
    """Opens the model and calls it on every set of inputs, the recorded one first."""
    worker.session = open_artifact(request.open)
    module = getattr(worker.session, "module", None) if request.repeats else None
    answers = _Answers(worker, request)
    first, *others = sorted(request.inputs)
    state = state_of(module)
    seed_generators(request.seed)
    generators = _generator_states()
    answers.take(first)
    drawn = [name for name, before in generators.items() if before != _generator_states()[name]]
    if request.repeats:
        answers.take_again(first)
    for number in others:
        answers.take(number)
    if request.repeats and others:
        answers.take_again(first)
    changed = changed_names(state, state_of(module))
    return Judgement(
        answers.hashes,
        answers.left_out,
        drawn,
        answers.changed_inputs,
        changed,
        answers.others,
        answers.fails_again,
    )


@verb
def name_random_operators(worker: Worker, request: NameRandomOperators) -> RandomOperators:
    """What draws random numbers during a call: of a graph its operators, of a module torch's functions."""
    if request.artifact.suffix == ".onnx":
        return RandomOperators(_random_nodes(request.artifact))
    if "torch" not in sys.modules:
        return RandomOperators([])
    call, _ = bound(worker.session, request.inputs)
    with _drawing_functions() as names:
        call()
    return RandomOperators(list(names))


class _Answers:
    """The calls of one judging process, and what they left."""

    def __init__(self, worker: Worker, request: JudgeModel):
        self.session, self.request = worker.session, request
        self.hashes: dict[int, str] = {}
        self.left_out: dict[int, str] = {}
        self.changed_inputs: list[str] = []
        self.others: list[Path] = []
        self.fails_again = ""

    def take(self, number: int) -> None:
        """A call on one set, whose outputs are stored. On the recorded set it has to succeed."""
        try:
            outputs = self._call(number)
        except Exception as error:
            problem = problem_of(error)
            if number == 0 or problem.kind != "failed":
                raise
            self.left_out[number] = f"{problem.type}: {problem.message.strip().partition(chr(10))[0]}"
            return
        self.hashes[number] = tensors.save_outputs(self.request.outputs / f"outputs-{number}.npz", outputs)

    def take_again(self, number: int) -> None:
        """One more call on a set that was called: its outputs are stored where they are others."""
        if number not in self.hashes or self.request.repeats is None:
            return
        path = self.request.repeats / f"again-{len(self.others)}.npz"
        try:
            outputs = self._call(number)
        except Exception as error:
            self.fails_again = str(error).strip().partition("\n")[0] or type(error).__name__
            return
        if tensors.save_outputs(path, outputs) != self.hashes[number]:
            self.others.append(path)

    def _call(self, number: int) -> Any:
        """A call on inputs that are read for it alone."""
        call, flat = bound(self.session, self.request.inputs[number])
        before = _hashes(flat)
        seed_generators(self.request.seed)
        outputs = call()
        after = _hashes(_as_held(self.session, flat))
        changed = [*changed_names(before, after), *getattr(call, "replaced_tensors", list)()]
        self.changed_inputs += [n for n in dict.fromkeys(changed) if n not in self.changed_inputs]
        outputs = getattr(self.session, "to_host", lambda given: given)(outputs)
        leaves = tensors.leaves_of(outputs)
        return tensors.thinned_leaves(leaves) if number else leaves


def seed_generators(seed: int) -> None:
    """Lets the generators of Python, numpy and torch begin anew, as far as they are loaded."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def state_of(module: Any) -> dict[str, str]:
    """What a module holds between calls, by what to call it: a hash of every buffer and parameter and of every tensor
    among the attributes of its parts, and their plain values. Of what is no module, nothing."""
    if module is None:
        return {}
    import torch

    state = {f"buffer `{name}`": _hash_of(tensor, WHOLE) for name, tensor in module.named_buffers()}
    state |= {f"parameter `{name}`": _hash_of(tensor, OF_WEIGHTS) for name, tensor in module.named_parameters()}
    for prefix, part in module.named_modules():
        for attribute, value in vars(part).items():
            name = f"attribute `{prefix}.{attribute}`" if prefix else f"attribute `{attribute}`"
            if isinstance(value, torch.Tensor):
                state[name] = _hash_of(value, WHOLE)
            elif isinstance(value, bool | int | float | str):
                state[name] = repr(value)
    return state


def changed_names(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names that hold something else, or are there only before or after."""
    return [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]


def _hash_of(tensor: Any, whole: int) -> str:
    import torch

    if tensor.numel() == 0 or tensor.device.type == "meta" or tensor.layout != torch.strided or tensor.is_quantized:
        return f"{tensor.dtype}{tuple(tensor.shape)}"
    data = tensor.detach().resolve_conj().resolve_neg().contiguous().flatten().view(torch.uint8)
    if data.numel() > whole:
        data = torch.cat([data[:_EDGE], data[_EDGE:-_EDGE:STRIDE], data[-_EDGE:]])
    head = f"{tensor.dtype}{tuple(tensor.shape)}|".encode()
    return hashlib.sha256(head + data.cpu().numpy().tobytes()).hexdigest()[:16]


def _hashes(flat: Mapping[str, Any]) -> dict[str, str]:
    return {name: tensors.content_hash({name: leaf}) for name, leaf in flat.items()}


def _as_held(session: Any, flat: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs as a call has left them: on the CPU the arrays themselves, of inputs that stay on a device those
    there. Copies that a call makes for itself nobody sees."""
    calls = getattr(session, "calls", None)
    if calls is None or "resident" not in vars(calls):
        return flat
    leaves = tensors.leaves_of(calls.resident)
    return {name: tensors.to_numpy(leaves[name]) for name in flat if name in leaves}


def _generator_states() -> dict[str, Any]:
    """The states of the generators that a call may draw from, by what to call them."""
    states: dict[str, Any] = {"Python's random": random.getstate()}
    if numpy := sys.modules.get("numpy"):
        kind, keys, *rest = numpy.random.get_state()
        states["numpy.random"] = (kind, keys.tobytes(), *rest)
    if torch := sys.modules.get("torch"):
        states["torch"] = _torch_state(torch)
    return states


def _torch_state(torch: Any) -> bytes:
    state = torch.get_rng_state().numpy().tobytes()
    return state + (torch.cuda.get_rng_state().numpy().tobytes() if torch.cuda.is_initialized() else b"")


def _random_nodes(file: Path) -> list[str]:
    import onnx

    from benchlib.onnx_facts import operators

    found = operators(onnx.load(file, load_external_data=False))
    return [name for name in found if name.rpartition(".")[2] in RANDOM_OPERATORS]


@contextlib.contextmanager
def _drawing_functions() -> Iterator[dict[str, None]]:
    """Notes during its block what draws from torch's generators: by the name of the Python function that a model calls
    (`dropout`), or, from within compiled code, of the operator. Whether an operator draws is seen by its generator:
    torch's own tag (`nondeterministic_seeded`) names every operator that could."""
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    names: dict[str, None] = {}
    functions: list[str] = []

    class Functions(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            functions.append(getattr(func, "__name__", ""))
            try:
                return func(*args, **(kwargs or {}))
            finally:
                functions.pop()

    class Operators(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if torch.Tag.nondeterministic_seeded not in func.tags:
                return func(*args, **(kwargs or {}))
            before = _torch_state(torch)
            found = func(*args, **(kwargs or {}))
            own = any(isinstance(given, torch.Generator) for given in (*args, *(kwargs or {}).values()))
            if own or before != _torch_state(torch):
                names[(functions[0] if functions else "") or func.overloadpacket.__name__] = None
            return found

    with Functions(), Operators():
        yield names
