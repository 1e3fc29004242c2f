"""onnxruntime-genai's model builder: an ONNX graph of a language model put together from its configuration and weights.

The builder reads a directory in Hugging Face layout, so the loaded module is saved as one, with a stand-in for the
tokenizer that the builder copies. What it writes takes the cache of keys and values as inputs; here an empty cache is
made inside the graph, for the batch at hand, so that the graph takes the model's own inputs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.exporters import ExportRequest, _flat
from benchlib.onnx_facts import onnx_facts
from benchlib.registry import Exporter, Facts

PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
SOURCES = ("huggingface", "directory", "hub", "python")
_CACHE = "past_key_values."


def export(request: ExportRequest) -> Facts:
    """Writes `<path>.onnx` and its weights beside it. Raises UserError for a model that the builder does not take."""
    import onnx

    module, flat = request.model.module, _flat.flat(request.model)
    config = getattr(module, "config", None)
    if config is None or not hasattr(module, "save_pretrained"):
        raise UserError("modelbuilder needs a model of transformers with its configuration")
    _check_inputs(flat)
    with tempfile.TemporaryDirectory(dir=request.path.parent) as folder:
        proto = onnx.load(_built(module, Path(folder)))
    _empty_cache(proto, getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    _outputs_of_the_model(proto, flat.output_names)
    file = request.path.with_name(f"{request.path.name}.onnx")
    onnx.save(proto, file, save_as_external_data=True, location=f"{file.name}.data")
    return {"file": str(file), **onnx_facts(file, optimized=True)}


def _built(module: Any, folder: Path) -> Path:
    """The builder's graph of the module, under `folder`."""
    from onnxruntime_genai.models.builder import create_model
    from transformers import AutoConfig

    source, target = folder / "source", folder / "target"
    module.save_pretrained(source)
    _tokenizer().save_pretrained(source)
    config = AutoConfig.from_pretrained(source)
    details = {"extra_kwargs": {}, "hf_name": str(source), "hf_config": config}
    precision = PRECISIONS[tensors.dtype_of(next(module.parameters()))]
    try:
        create_model(None, str(source), str(target), precision, "cpu", str(folder / "cache"), hf_details=details)
    except NotImplementedError as error:
        raise UserError(f"modelbuilder does not know the architecture {config.architectures[0]}") from error
    return target / "model.onnx"


def _tokenizer() -> Any:
    """A tokenizer of one word: the builder wants to copy one, and no figure of ours needs it."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = models.WordLevel({"<unk>": 0}, unk_token="<unk>")
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(words))


def _check_inputs(flat: _flat.Flat) -> None:
    known = {"input_ids", "attention_mask", "position_ids"}
    if foreign := [name for name in flat.input_names if name not in known]:
        raise UserError(f"modelbuilder's graphs take {', '.join(sorted(known))}; the model is called with {foreign[0]}")
    missing = {"input_ids", "attention_mask"} - set(flat.input_names)
    if missing:
        raise UserError(f"modelbuilder's graphs take {missing.pop()}, which the model is not called with")


def _empty_cache(proto: Any, width: int) -> None:
    """Has the graph make its cache, [batch, heads, 0, width], instead of taking it."""
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Shape", ["input_ids"], ["_batch"], start=0, end=1)]
    for value in [v for v in proto.graph.input if v.name.startswith(_CACHE)]:
        kind = value.type.tensor_type
        rest, shape = f"{value.name}_rest", f"{value.name}_shape"
        sizes = helper.make_tensor(rest, TensorProto.INT64, [3], [kind.shape.dim[1].dim_value, 0, width])
        proto.graph.initializer.append(sizes)
        zero = helper.make_tensor("zero", kind.elem_type, [1], [0])
        nodes.append(helper.make_node("Concat", ["_batch", rest], [shape], axis=0))
        nodes.append(helper.make_node("ConstantOfShape", [shape], [value.name], value=zero))
        proto.graph.input.remove(value)
    others = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*nodes, *others])


def _outputs_of_the_model(proto: Any, wanted: list[str]) -> None:
    """The outputs in the model's own order and number: the logits, then the cache layer by layer if it returns one."""
    found = {value.name: value for value in proto.graph.output}
    layers = sorted({int(name.split(".")[1]) for name in found if name.startswith("present.")})
    ordered = ["logits", *(f"present.{layer}.{part}" for layer in layers for part in ("key", "value"))]
    if len(wanted) not in (1, len(ordered)):
        raise UserError(f"modelbuilder's graph has {len(ordered)} outputs, the model {len(wanted)}")
    del proto.graph.output[:]
    proto.graph.output.extend(found[name] for name in ordered[: len(wanted)])


def refuse(trial: Any) -> str | None:
    source, _ = trial.source()
    if source.name not in SOURCES:
        return f"modelbuilder needs a transformers configuration, which {trial.model_name} has not"
    if trial.dtype not in PRECISIONS:
        return f"modelbuilder writes {', '.join(PRECISIONS)}, and the dtype is {trial.dtype}"
    return None


exporter = Exporter(
    name="modelbuilder",
    summary="onnxruntime-genai's model builder",
    packages=("torch", "onnx", "transformers", "onnxruntime_genai"),
    export=export,
    contrib=True,
    refuse=refuse,
)
