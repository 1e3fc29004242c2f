"""How a nesting of inputs or outputs is taken apart into named leaves, and put together again: the one place for both.

A leaf is an array or a dense tensor; numbers, texts and None are constants. Lists, tuples and dicts are known here, and
`KINDS` says of everything else how its parts are found and what makes it again: named tuples, tensors that are no
dense ones (sparse, nested, of a class of their own), objects that are their attributes (dataclasses, caches of
transformers), and what torch's pytree knows (outputs of transformers). What is left is pickled, its tensors taken out.
A class from a notebook or a script travels with the structure.

Of itself this needs no torch: a process without it passes structures on, and sees the parts of objects as dicts
(`plain`). Dynamo traces `flatten` and `unflatten` in exported models: kinds are looked up by class, which a call
before the trace has filled in.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import io
import pickle
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from benchlib.by_value import by_value
from benchlib.errors import UserError

Leaves = dict[str, Any]

_SCALARS = (bool, int, float, str, type(None))
_SYMBOLS = ("SymInt", "SymFloat", "SymBool")  # what numbers are while torch exports
_FIXED = (slice, range, type(...), type, complex, bytes)
_FIXED_OF_TORCH = ("dtype", "device", "layout", "memory_format", "Size")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_CACHES = "transformers.cache_utils"  # whose layers are named by their number alone
_CACHE_NAMES = {"layers": "", "self_attention_cache": "self", "cross_attention_cache": "cross"}
_DEEPEST = 6  # steps to a tensor inside of what is pickled, for its name
_NO_STATE = (list, dict, tuple, set, frozenset, str, bytes, int, float, complex, type)
ANY, SOME, NONE = "any", "some", "none"  # graphs that can hold how an object is made of its parts


class Builder(Protocol):
    """Makes an object of its parts, by name."""

    graph: ClassVar[str]  # `ANY`, `SOME` or `NONE`

    def __call__(self, parts: dict[str, Any]) -> Any: ...


@dataclass
class Structure:
    """What a nesting is without its leaves.

    `tree` is a JSON value: `["leaf", name]`, `["constant", value]`, `["list" or "tuple", [item, …]]`,
    `["dict", [[key, item], …]]`, or `["object", words, number, [[name, item], …]]`, which the builder of that number
    makes of its parts. Two structures are equal when their trees are.
    """

    tree: Any
    builders: Sequence[Builder] = dataclasses.field(default_factory=list, compare=False)
    pickled: bytes = dataclasses.field(default=b"", compare=False)  # the builders, where they came from a file

    def objects(self) -> Sequence[Builder]:
        """The builders; those of a file are opened when they are first wanted, which imports their classes."""
        if self.pickled:
            self.builders, self.pickled = pickle.loads(self.pickled), b""
        return self.builders

    def dumped(self) -> bytes:
        """The builders as bytes, which plain `pickle.loads` opens without benchlib."""
        return self.pickled or (_dumped(list(self.builders)) if self.builders else b"")

    def objects_by(self, graph: str) -> dict[str, str]:
        """What the objects are called whose builders say this of graphs (`ANY`, `SOME`, `NONE`), by the names of their
        places."""
        objects = self.objects()
        places = [(n, node) for n, node in _places(self.tree, ()) if node[0] == "object" and node[3]]
        return {name: node[1] for name, node in places if objects[node[2]].graph == graph}

    def numbers(self) -> list[str]:
        """The names of the places at which Python's own numbers stand; `it` where the nesting is one."""
        return [name or "it" for name, node in _places(self.tree, ()) if _is_number(node)]


def _dumped(item: Any, taken: list[Any] | None = None) -> bytes:
    """The pickle of anything, classes of notebooks and of benchlib by value. With `taken`, a list that is filled,
    arrays and tensors stay out, and their places in it stand for them."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def persistent_id(self, part):
            if taken is None or not is_leaf(part) or isinstance(part, np.generic):
                return None
            place = next((n for n, own in enumerate(taken) if own is part), len(taken))
            if place == len(taken):
                taken.append(part)
            return place

    file = io.BytesIO()
    with by_value():
        Pickler(file).dump(item)
    return file.getvalue()


# -- builders ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AsItIs:
    """What holds no tensors. A model may write into it (a cache that is empty yet), so each nesting has its own."""

    graph: ClassVar[str] = ANY
    value: Any

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.value if _is_fixed(type(self.value)) else copy.deepcopy(self.value)


@dataclass(frozen=True)
class AsCalled:
    """What its class makes of its parts by name: most dataclasses."""

    graph: ClassVar[str] = ANY
    cls: type

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls(**parts)


@dataclass(frozen=True)
class AsState:
    """An object that is its attributes, without calling its constructor again."""

    graph: ClassVar[str] = ANY
    cls: type

    def __call__(self, parts: dict[str, Any]) -> Any:
        made: Any = object.__new__(self.cls)
        made.__dict__.update(parts)
        return made


@dataclass(frozen=True)
class AsNamedTuple:
    """A named tuple; one whose constructor is its own (`PackedSequence`) is made past it."""

    graph: ClassVar[str] = ANY
    cls: Any
    plain: bool

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls(*parts.values()) if self.plain else self.cls._make(parts.values())


@dataclass(frozen=True)
class AsSequence:
    """What a class makes of a list: torch's own results with names (`torch.return_types`)."""

    graph: ClassVar[str] = ANY
    cls: Any

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls(list(parts.values()))


@dataclass(frozen=True)
class AsNode:
    """What torch's pytree knows."""

    graph: ClassVar[str] = ANY
    unflatten: Callable[[list, Any], Any]
    context: Any

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.unflatten(list(parts.values()), self.context)


@dataclass(frozen=True)
class AsSparse:
    """A sparse tensor, of coordinates or compressed."""

    graph: ClassVar[str] = NONE
    layout: Any
    size: tuple[int, ...]
    coalesced: bool = False

    def __call__(self, parts: dict[str, Any]) -> Any:
        import torch

        tensors = list(parts.values())
        if self.layout == torch.sparse_coo:
            return torch.sparse_coo_tensor(*tensors, self.size, is_coalesced=self.coalesced)
        return torch.sparse_compressed_tensor(*tensors, self.size, layout=self.layout)


@dataclass(frozen=True)
class AsNested:
    """A nested tensor of dense ones; a jagged one along the axis `ragged`."""

    graph: ClassVar[str] = NONE
    ragged: int | None = None

    def __call__(self, parts: dict[str, Any]) -> Any:
        import torch

        if self.ragged is None:
            return torch.nested.as_nested_tensor(list(parts.values()), layout=torch.strided)
        return torch.nested.nested_tensor_from_jagged(**parts, jagged_dim=self.ragged)


@dataclass(frozen=True)
class AsFlattened:
    """A tensor of a class that says itself what it is made of (`__tensor_flatten__`)."""

    graph: ClassVar[str] = NONE
    cls: Any
    context: Any
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls.__tensor_unflatten__(parts, self.context, self.size, self.stride)


@dataclass(frozen=True)
class AsSubclass:
    """A tensor of a class of its own, with its attributes."""

    graph: ClassVar[str] = NONE
    cls: Any
    attributes: Mapping[str, Any]

    def __call__(self, parts: dict[str, Any]) -> Any:
        made = parts[""].as_subclass(self.cls)
        for name, value in self.attributes.items():
            setattr(made, name, value)
        return made


@dataclass(frozen=True)
class AsPickled:
    """Anything else: its pickle, in which names stand for the tensors."""

    graph: ClassVar[str] = SOME
    pickled: bytes
    names: Sequence[str]

    def __call__(self, parts: dict[str, Any]) -> Any:
        names = self.names

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, place):
                return parts[names[place]]

        return Unpickler(io.BytesIO(self.pickled)).load()


# -- kinds ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of objects, known by their class: the parts of one by name, and what makes it of them."""

    fits: Callable[[type], bool]
    parts: Callable[[Any], Mapping[str, Any]]
    builder: Callable[[Any], Builder]


def _is_fixed(cls: type) -> bool:
    """Whether the instances of a class are values that hold nothing: torch.float16, slice(1, 2), a class."""
    return cls in _FIXED or (cls.__module__ == "torch" and cls.__name__ in _FIXED_OF_TORCH)


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def _is_structseq(cls: type) -> bool:
    return issubclass(cls, tuple) and isinstance(getattr(cls, "n_fields", None), int)


def _is_state(cls: type) -> bool:
    """Whether the instances of a class are made of nothing but attributes: pickle would take them by these, and no
    method of theirs has a say in it."""
    own = [name for base in cls.__mro__[:-1] for name in vars(base)]
    says = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")
    made_by_python = "__dict__" in own and all(base.__flags__ & _HEAP for base in cls.__mro__[:-1])
    slots = any(vars(base).get("__slots__") for base in cls.__mro__[:-1])
    return (
        made_by_python
        and not slots
        and not issubclass(cls, _NO_STATE)
        and not set(says) & set(own)
        and not _is_module(cls)
    )


_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: what classes made by Python code have, and few others


def _is_module(cls: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(cls, torch.nn.Module)


def _is_registered(cls: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and cls in torch.utils._pytree.SUPPORTED_NODES


def _registered_parts(item: Any) -> Mapping[str, Any]:
    from torch.utils._pytree import SUPPORTED_NODES

    values = list(SUPPORTED_NODES[type(item)].flatten_fn(item)[0])
    named = isinstance(item, Mapping) and len(item) == len(values)
    return dict(zip(map(str, item if named else range(len(values))), values, strict=True))


def _registered_builder(item: Any) -> Builder:
    from torch.utils._pytree import SUPPORTED_NODES

    node = SUPPORTED_NODES[type(item)]
    return AsNode(node.unflatten_fn, node.flatten_fn(item)[1])


def _state_builder(item: Any) -> Builder:
    cls, held = type(item), list(vars(item))
    if dataclasses.is_dataclass(item) and not hasattr(cls, "__post_init__"):
        fields = dataclasses.fields(item)
        if all(f.init for f in fields) and {f.name for f in fields} == set(held):
            return AsCalled(cls)
    return AsState(cls)


KINDS = (
    Kind(_is_fixed, lambda item: {}, AsItIs),
    Kind(
        _is_named_tuple,
        lambda item: dict(zip(item._fields, item, strict=True)),
        lambda item: AsNamedTuple(type(item), tuple in type(item).__bases__),
    ),
    Kind(
        _is_structseq,
        lambda item: {str(i): value for i, value in enumerate(item)},
        lambda item: AsSequence(type(item)),
    ),
    Kind(_is_state, vars, _state_builder),
    Kind(_is_registered, _registered_parts, _registered_builder),
)
_KIND_OF: dict[type, Kind | None] = {}  # of every class that was met


def _kind_of(cls: type) -> Kind | None:
    if cls not in _KIND_OF:
        _KIND_OF[cls] = next((kind for kind in KINDS if kind.fits(cls)), None)
    return _KIND_OF[cls]


def is_leaf(item: Any) -> bool:
    """Whether this is an array, or a tensor that is dense and of torch's own class; while torch traces, any tensor."""
    if isinstance(item, (np.ndarray, np.generic)):
        return True
    return _is_array(item) and not is_special(item)


def _is_array(item: Any) -> bool:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(item, torch.Tensor):  # nested ones raise when they are asked for their shape
        return True
    return hasattr(item, "dtype") and hasattr(item, "shape") and not isinstance(item, type)


def is_special(item: Any) -> bool:
    """Whether a tensor is more than its numbers."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(item, torch.Tensor) or torch.compiler.is_compiling():
        return False
    if type(item) is torch.Tensor or type(item) is torch.nn.Parameter:
        return item.layout != torch.strided or item.is_quantized or item.is_nested
    return not isinstance(item, (torch._subclasses.FakeTensor, torch._subclasses.functional_tensor.FunctionalTensor))


def special_parts(item: Any) -> tuple[Mapping[str, Any], Builder]:
    """The dense tensors that a special one is made of, and what makes it of them; none where it is pickled whole."""
    import torch

    if item.layout == torch.sparse_coo:
        parts = {"indices": item._indices(), "values": item._values()}
        return parts, AsSparse(item.layout, tuple(item.shape), item.is_coalesced())
    if item.layout in (torch.sparse_csr, torch.sparse_bsr):
        parts = {"crow_indices": item.crow_indices(), "col_indices": item.col_indices(), "values": item.values()}
        return parts, AsSparse(item.layout, tuple(item.shape))
    if item.layout in (torch.sparse_csc, torch.sparse_bsc):
        parts = {"ccol_indices": item.ccol_indices(), "row_indices": item.row_indices(), "values": item.values()}
        return parts, AsSparse(item.layout, tuple(item.shape))
    if item.layout == torch.jagged:
        parts = {"values": item.values(), "offsets": item.offsets(), "lengths": item.lengths()}
        return {name: part for name, part in parts.items() if part is not None}, AsNested(item._ragged_idx)
    if item.is_nested:
        return {str(i): part for i, part in enumerate(item.unbind())}, AsNested()
    if hasattr(item, "__tensor_flatten__"):
        names, context = item.__tensor_flatten__()
        builder = AsFlattened(type(item), context, tuple(item.shape), tuple(item.stride()))
        return {name: getattr(item, name) for name in names}, builder
    if type(item) is torch.Tensor or item.layout != torch.strided or item.is_quantized:
        return {}, AsItIs(item)
    with torch._C.DisableTorchFunctionSubclass():
        plain = item.as_subclass(torch.Tensor)
    return {"": plain}, AsSubclass(type(item), dict(vars(item)))


# -- apart ---------------------------------------------------------------------------------------


def flatten(nested: Any) -> tuple[Leaves, Structure]:
    """The leaves of `nested` by name, in order, and the structure to put them back.

    Raises:
        UserError: what holds no arrays and cannot be pickled: a lock, a generator, an open file. It names the place.
    """
    walk = _Walk({}, [])
    tree = walk.node_of(nested, (), ())
    return walk.leaves, Structure(tree, walk.builders or [])


def outline(nested: Any) -> tuple[Leaves, Structure]:
    """The leaves, and the nesting with objects as dicts of their parts: of outputs, which nobody makes again."""
    walk = _Walk({}, None)
    tree = walk.node_of(nested, (), ())
    return walk.leaves, Structure(tree)


def leaves_of(nested: Any) -> Leaves:
    """The leaves alone."""
    return outline(nested)[0]


class _Cyclic(Exception):
    """An object holds one that holds it."""


class _Walk:
    """One way through a nesting, and what was found on it. Without `builders` objects are dicts of their parts."""

    def __init__(self, leaves: Leaves, builders: list[Builder] | None):
        self.leaves, self.builders = leaves, builders

    def node_of(self, item: Any, path: tuple[str, ...], above: tuple[int, ...]) -> Any:
        """The node of an item that stands at `path`, inside of the objects `above`."""
        # Kinds stand in tuples in all that dynamo traces here: it knows no `type | type`.
        if is_leaf(item):
            name = name_of(path, self.leaves)
            self.leaves[name] = item
            return ["leaf", name]
        cls = type(item)
        if cls in _SCALARS or cls.__name__ in _SYMBOLS:
            return ["constant", item]
        if cls is dict and _has_plain_keys(item):
            return ["dict", [[key, self.node_of(value, (*path, str(key)), above)] for key, value in item.items()]]
        if cls is list or cls is tuple:
            items = [self.node_of(value, (*path, str(i)), above) for i, value in enumerate(item)]
            return ["tuple" if cls is tuple else "list", items]
        if _is_array(item):
            parts, builder = special_parts(item)
            return self._object(class_words(item), builder, self._children(item, parts, path, above))
        kind = _kind_of(cls)
        return self._pickled(item, path) if kind is None else self._of_kind(item, kind, path, above)

    def _children(self, item: Any, parts: Mapping[str, Any], path: tuple[str, ...], above: tuple[int, ...]) -> list:
        return [[name, self.node_of(part, (*path, _named(item, name)), above)] for name, part in parts.items()]

    def _of_kind(self, item: Any, kind: Kind, path: tuple[str, ...], above: tuple[int, ...]) -> Any:
        if id(item) in above:
            raise _Cyclic
        before, made = list(self.leaves), len(self.builders or ())
        try:
            children = self._children(item, kind.parts(item), path, (*above, id(item)))
        except _Cyclic:
            if above:
                raise
            self._forget(before, made)
            return self._pickled(item, path)
        if self.builders is None:
            return ["dict", children]
        if len(self.leaves) > len(before):
            return self._object(class_words(item), kind.builder(item), children)
        self._forget(before, made)
        _pickle(item, path, None)
        return self._object(_value_words(item), AsItIs(item), [])

    def _pickled(self, item: Any, path: tuple[str, ...]) -> Any:
        """The node of what no kind fits."""
        taken: list[Any] = []
        written = _pickle(item, path, taken)
        if not taken:
            return self._object(_value_words(item), AsItIs(item), [])
        paths = _paths(item, {id(tensor): place for place, tensor in enumerate(taken)})
        names: list[str] = []
        children = []
        for place, tensor in enumerate(taken):
            whole = [part.lstrip("_") for part in paths.get(place, (str(place),))]
            public = [*(part for part in paths.get(place, ())[:-1] if part[:1] != "_"), whole[-1]]
            inner = next(p for p in (public, whole, [*whole, str(place)]) if ".".join(p) not in names)
            names.append(".".join(inner))
            children.append([names[-1], self.node_of(tensor, (*path, *inner), ())])
        return self._object(class_words(item), AsPickled(written, names), children)

    def _object(self, words: str, builder: Builder, children: list) -> Any:
        if self.builders is None:
            return ["dict", children]
        self.builders.append(builder)
        return ["object", words, len(self.builders) - 1, children]

    def _forget(self, before: list[str], made: int) -> None:
        """Leaves and builders that were found since."""
        for name in [name for name in self.leaves if name not in before]:
            del self.leaves[name]
        if self.builders is not None:
            del self.builders[made:]


def _pickle(item: Any, path: tuple[str, ...], taken: list[Any] | None) -> bytes:
    try:
        return _dumped(item, taken)
    except Exception as error:  # whatever an object has against it
        reason = " ".join(str(error).split())[:200]
        where = ".".join(path) or "the value"
        raise UserError(f"{where} is a {class_words(item)}, which cannot be stored: {reason}") from error


def _paths(item: Any, wanted: Mapping[int, int]) -> dict[int, tuple[str, ...]]:
    """How tensors inside of an object are reached: by their places in `wanted`, the names of attributes and keys."""
    found: dict[int, tuple[str, ...]] = {}
    waiting: deque[tuple[tuple[str, ...], Any, int]] = deque([((), item, 0)])
    seen: set[int] = set()
    while waiting and len(found) < len(wanted):
        path, value, depth = waiting.popleft()
        if id(value) in wanted:
            found.setdefault(wanted[id(value)], path)
        elif id(value) not in seen and depth < _DEEPEST:
            seen.add(id(value))
            for name, inner in _inside(value):
                waiting.append(((*path, name), inner, depth + 1))
    return found


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from ((str(i), inner) for i, inner in enumerate(value))
    if isinstance(held := getattr(value, "__dict__", None), dict):
        yield from ((str(key), inner) for key, inner in held.items())


def _has_plain_keys(item: dict) -> bool:
    return all(type(key) in _SCALARS for key in item)


def _named(item: Any, name: str) -> str:
    """What a part is called in the names of leaves."""
    return _CACHE_NAMES.get(name, name) if type(item).__module__ == _CACHES else name.lstrip("_")


def class_words(item: Any) -> str:
    """What kind of thing something is, for people: `Batch`, `sparse_coo tensor`."""
    cls = type(item)
    layout = str(getattr(item, "layout", "")).removeprefix("torch.")
    if cls.__name__ in ("Tensor", "Parameter") and cls.__module__.startswith("torch"):
        return f"{'nested' if item.is_nested else 'quantized' if item.is_quantized else layout} tensor"
    return cls.__qualname__.rpartition("<locals>.")[2]


def _value_words(item: Any) -> str:
    """A text that changes with a value and is the same in every process."""
    if isinstance(item, (set, frozenset)):
        return f"{type(item).__name__}({sorted(map(repr, item))})"
    if isinstance(item, type) or hasattr(item, "__qualname__"):
        return f"{item.__module__}.{item.__qualname__}"
    text = repr(item)
    if _ADDRESS.search(text):  # an object that shows nothing of itself
        text = f"{class_words(item)} {sorted((k, repr(v)) for k, v in getattr(item, '__dict__', {}).items())}"
    text = _ADDRESS.sub("", text)
    return text if len(text) <= 200 else f"{text[:200]}… {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def name_of(path: tuple[str, ...], taken: Mapping[str, Any]) -> str:
    """`input_ids`, `states_0`, … : an identifier that is also a good name for a graph's input."""
    path = tuple(part for part in path if part)
    text = "_".join(path) or "x"
    name = "".join(c if c.isalnum() else "_" for c in text)
    if name[0].isdigit():
        name = f"x_{name}" if len(path) == 1 else f"x{name}"
    unique, n = name, 2
    while unique in taken:
        unique, n = f"{name}_{n}", n + 1
    return unique


# -- together ------------------------------------------------------------------------------------


def unflatten(structure: Structure, leaves: Leaves) -> Any:
    """The nesting again, of the very classes that it was of."""
    return _together(structure.tree, leaves, structure.objects())


def plain(structure: Structure, leaves: Leaves) -> Any:
    """The nesting with the parts of objects as dicts, and None for an object without tensors: needs no class."""
    return _together(structure.tree, leaves, None)


def _together(node: Any, leaves: Leaves, builders: Sequence[Builder] | None) -> Any:
    kind, content = node[0], node[1]
    if kind == "leaf":
        return leaves[content]
    if kind == "constant":
        return content
    if kind == "dict":
        return {key: _together(item, leaves, builders) for key, item in content}
    if kind == "object":
        parts = {name: _together(item, leaves, builders) for name, item in node[3]}
        if builders is None:
            return parts or None
        return builders[node[2]](parts)
    items = [_together(item, leaves, builders) for item in content]
    return tuple(items) if kind == "tuple" else items


def _places(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """All nodes below one, with the names of their places."""
    yield "_".join(path), node
    kind, content = node[0], node[-1]
    if kind in ("dict", "object"):
        for key, item in content:
            yield from _places(item, (*path, str(key)))
    elif kind in ("list", "tuple"):
        for index, item in enumerate(content):
            yield from _places(item, (*path, str(index)))


def _is_number(node: Any) -> bool:
    return node[0] == "constant" and isinstance(node[1], (bool, int, float))
