"""Small ONNX graphs for tests, written as text, and the inputs that are made up for them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnx
from onnx import numpy_helper, parser

from benchlib.models._moved_inputs import moved
from benchlib.models._onnx_graph import inputs_of
from benchlib.models._onnx_shapes import resolved
from benchlib.models._onnx_uses import GraphUses
from benchlib.models._onnx_values import Generator

HEAD = '<ir_version: 9, opset_import: ["": 17, "ai.onnx.ml": 2, "com.microsoft": 1]>'


def model_of(text: str, opset: int = 17, **weights) -> onnx.ModelProto:
    """`g (float[N] x) => (float[N] y) { y = Relu(x) }` with weights by name."""
    model = parser.parse_model(HEAD.replace('"": 17', f'"": {opset}') + text)
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), n) for n, array in weights.items())
    return model


class MadeUp:
    """Made-up inputs of a model, the sets that are moved out of them, and what is guessed."""

    def __init__(self, model: onnx.ModelProto, seed: int = 0, **sizes):
        wanted = inputs_of(model)
        graph = GraphUses(model, wanted)
        trial = {"batch_size": 1, "seq_length": None, "height": None, "width": None, "shapes": None, **sizes}
        self.model, self.shapes = model, resolved(wanted, SimpleNamespace(**trial), graph)
        self.uses = graph.uses(self.shapes)
        self.generator = Generator(wanted, self.shapes, self.uses)
        self.inputs = self.generator(seed)
        self.guessed = self.generator.guessed

    def drawn(self, seed: int) -> dict[str, np.ndarray]:
        """A set beside the recorded one."""
        return self.generator(seed, other=True)

    def moved(self) -> list[dict[str, np.ndarray]]:
        """The sets that are derived from the recorded one."""
        return [own.arrays for own in moved(self.inputs, self.uses, 0, 99)]

    def all(self) -> list[dict[str, np.ndarray]]:
        """The recorded set, two that are drawn, and the moved ones."""
        return [self.inputs, self.drawn(5), self.drawn(6), *self.moved()]

    def run(self) -> None:
        """Raises where onnxruntime would not take one of the sets."""
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        session = onnxruntime.InferenceSession(self.model.SerializeToString(), providers=["CPUExecutionProvider"])
        for inputs in self.all():
            session.run(None, {name: array.astype(object) if array.dtype.kind == "U" else array
                               for name, array in inputs.items()})  # fmt: skip
