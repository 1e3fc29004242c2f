"""What an operator makes of a constant at one of its inputs: does it move the numbers, compute with them, take them as
a setting (a shape, an axis, an index, a scale), or unpack them?

The schemas of onnx say most of it: an input that takes only whole numbers of 32 and 64 bits, or only booleans, is a
setting. What they leave open, and onnxruntime's own operators, of which onnx has no schema, is in tables here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

STANDARD = "ai.onnx"
FLOAT = 1  # onnx.TensorProto.FLOAT
BODIES = {
    "Loop": 2,
    "Scan": 0,
    "SequenceMap": 0,
}  # what they take from here on goes to their graph

# Operators whose outputs hold the numbers of the input at these positions, as they are.
_MOVES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ("Identity", "Cast", "CastLike", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Expand", "Tile",
         "Slice", "Split", "Gather", "GatherElements", "GatherND", "Pad"), (0,)
    ),
    "Concat": tuple(range(64)),
}  # fmt: skip
_COMPUTES = {
    "Add", "Sub", "Mul", "Div", "Mod", "Neg", "Abs", "Floor", "Ceil", "Round", "Sqrt", "Min", "Max", "Pow",
    "ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin",
}  # fmt: skip
# Positions of settings that take floating-point or any numbers.
_SETTINGS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4),  # running statistics, which are a module's buffers
    "Clip": (1, 2), "Dropout": (1, 2), "Pad": (2,), "Resize": (1, 2, 3), "Upsample": (1,), "Range": (0, 1, 2),
    "OneHot": (0, 1, 2), "Shape": (0,), "Size": (0,), "NonMaxSuppression": (2, 3, 4), "STFT": (1, 2, 3),
    "MelWeightMatrix": (0, 1, 2, 3, 4), "LSTM": (5, 6), "GRU": (5,), "RNN": (5,),  # states that they begin with
    "RotaryEmbedding": (1, 2),  # tables of sine and cosine
    "com.microsoft.RotaryEmbedding": (2, 3), "com.microsoft.GroupQueryAttention": (7, 8),
    "com.microsoft.MatMulNBits": (2, 3, 4), "com.microsoft.MatMulBnb4": (2,),
    "com.microsoft.GatherBlockQuantized": (1, 2, 3), "com.microsoft.MatMulFpQ4": (2,),
    "com.microsoft.DynamicQuantizeMatMul": (2, 3), "com.microsoft.MatMulIntegerToFloat": (2, 3, 4, 5),
    "com.microsoft.QGemm": (1, 2, 4, 5, 7, 8),
    "com.microsoft.QAttention": (3, 4, 6, 7), "com.microsoft.DynamicQuantizeLSTM": (8, 9, 10, 11),
    "com.microsoft.QEmbedLayerNormalization": tuple(range(8, 18)), "com.microsoft.QMoE": (3, 6, 9, 11, 12, 13),
    "com.microsoft.QuantizeLinear": (1, 2), "com.microsoft.DequantizeLinear": (1, 2),
    **dict.fromkeys(("com.microsoft.QLinearAdd", "com.microsoft.QLinearMul"), (1, 2, 4, 5, 6, 7)),
}  # fmt: skip
_QUANTISING = re.compile(r"[Qq]uantize|QLinear|Integer")  # in the names of operators …
_SCALES = re.compile(r"(^|_)(scale|zero_point)s?$")  # … whose inputs that are called so are settings
# Where whole numbers of 16 bits and more are weights: biases, mostly.
_QUANTISED = {
    ("DequantizeLinear", 0), ("QLinearConv", 8), ("com.microsoft.QGemm", 6), ("com.microsoft.DequantizeLinear", 0),
    ("MatMul", 0), ("MatMul", 1), ("Gemm", 0), ("Gemm", 1), ("Gemm", 2),
}  # fmt: skip
_SETTING_TYPES = {"tensor(int32)", "tensor(int64)", "tensor(bool)"}
_FLOATS = ("float", "bfloat", "complex")


@dataclass(frozen=True)
class Packed:
    """Numbers of some bits each, of which several are in a byte; 0: as many as there is room for."""

    bits: int
    numbers: int = 0


@dataclass(frozen=True)
class Place:
    """An input of an operator."""

    operator: str
    position: int
    is_setting: bool = False
    packed: Packed | None = None

    @property
    def moves(self) -> bool:
        """Whether the operator's outputs hold the numbers as they are."""
        return self.position in _MOVES.get(self.operator, ())

    @property
    def computes(self) -> bool:
        """Whether its outputs are computed from them element by element."""
        return self.operator in _COMPUTES and not self.is_setting

    @property
    def takes_quantised(self) -> bool:
        """Whether whole numbers, however wide, are weights here."""
        return (self.operator, self.position) in _QUANTISED


OUTPUT = Place("", 0)  # an output of the graph


def operator_of(node: Any) -> str:
    """`MatMul`, `com.microsoft.QGemm`."""
    return node.op_type if node.domain in ("", STANDARD) else f"{node.domain}.{node.op_type}"


def place_of(node: Any, position: int, version: int, scaled: bool = False) -> Place:
    """An input of a node, in a model that imports `version` of the operator's domain; `scaled`: the node multiplies by
    the scale of what is quantised while the model runs, so that its other factor is a scale too."""
    operator = operator_of(node)
    is_setting = scaled or _is_setting(operator, position, node.domain, version)
    return Place(operator, position, is_setting, _packed(node, operator, position))


@lru_cache(maxsize=4096)
def _is_setting(operator: str, position: int, domain: str, version: int) -> bool:
    import onnx

    if position in _SETTINGS.get(operator, ()):
        return True
    name = operator.rpartition(".")[2]
    if (operator, position) in _QUANTISED or not onnx.defs.has(name, version, "" if domain == STANDARD else domain):
        return False
    formal = onnx.defs.get_schema(name, version, "" if domain == STANDARD else domain).inputs
    if not formal:
        return False
    own = formal[min(position, len(formal) - 1)]
    return set(own.types) <= _SETTING_TYPES or bool(_QUANTISING.search(operator) and _SCALES.search(own.name.lower()))


def _packed(node: Any, operator: str, position: int) -> Packed | None:
    """How the numbers of onnxruntime's products of few bits lie in bytes."""
    given = {attribute.name: attribute.i for attribute in node.attribute}
    if operator in ("com.microsoft.MatMulNBits", "com.microsoft.MatMulBnb4") and position == 1:
        return Packed(given.get("bits", 4), given["K"] * given["N"])
    if operator == "com.microsoft.GatherBlockQuantized" and position == 0:
        return Packed(given.get("bits", 4))
    if operator == "com.microsoft.QMoE" and position in (2, 5, 8):
        return Packed(given.get("expert_weight_bits", 4))
    return None


def bits_of(data_type: int) -> int:
    """The bits of an element; 0 of a text."""
    name = dtype_name(data_type)
    if name in ("", "object"):
        return 0
    if found := re.search(r"^(?:u?int|float)([246])(?!\d)", name):
        return int(found[1])
    return 8 * _numpy(data_type).itemsize


def dtype_name(data_type: int) -> str:
    """As numpy calls it: `float32`, `int4`."""
    return "" if not data_type else _numpy(data_type).name


def kind_of(data_type: int) -> str:
    """`float`, `narrow` (whole numbers of 8 bits and fewer), `wide` (of more), or `other`: booleans and texts."""
    name = dtype_name(data_type)
    if name.startswith(_FLOATS):
        return "float"
    if name.startswith(("int", "uint")):
        return "narrow" if bits_of(data_type) <= 8 else "wide"
    return "other"


@lru_cache(maxsize=64)
def _numpy(data_type: int) -> Any:
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(data_type)
