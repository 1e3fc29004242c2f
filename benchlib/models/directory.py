"""A local directory in Hugging Face layout: real weights, its tokenizer on real sentences when it has one.

Nothing is downloaded and no code of the directory is run. A directory without weights gives a model with
random ones, and the record says so; one without tokenizer gets the inputs of `benchlib.models._modalities`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchlib.errors import Unavailable, UserError, suggestion
from benchlib.files import digest_of
from benchlib.models import (
    LoadedModel,
    _configs,
    _file_kinds,
    _labels,
    _meta,
    _modalities,
    _module,
    _refusals,
    _tasks,
    _transformers,
)
from benchlib.models._configs import Settings
from benchlib.models._sentences import SENTENCES
from benchlib.registry import Source
from benchlib.remembered import remembered
from benchlib.tensors import Inputs

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZER = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "*.model")
_FOR_PEOPLE = re.compile(r"\..*|.*\.md|LICENSE.*|NOTICE.*", re.IGNORECASE)  # hidden files too
LENGTH_WITHOUT_TOKENIZER = 128


def load(name: str, trial: Any) -> LoadedModel:
    """The model of the directory `name`, in the class that its config.json states."""
    import torch
    import transformers

    path = Path(name)
    transformers.utils.logging.disable_progress_bar()
    config = _config(path, trial.model_args)
    model_class = _model_class(config, path)
    torch.manual_seed(trial.seed)
    if _files(path, WEIGHTS) and not _meta.looking():
        module, weights = _with_weights(model_class, config, path, trial)
    else:
        build = getattr(model_class, "_from_config", None) or model_class.from_config
        module, weights = _transformers.built(build, config, trial, f"model '{path}'"), "random"
    inputs_at, text = _inputs(path, config, module)
    task = getattr(config, "pipeline_tag", None) or _tasks.task_of(type(module).__name__)
    labelled = lambda trial: _labels.added(inputs_at(trial), module, trial)  # noqa: E731
    return _module.loaded(module, labelled, trial, task=task, weights=weights).with_facts(model_text=text)


def identity(name: str, trial: Any) -> dict[str, str]:
    """The hash of every file of the directory, whatever reads it, but of those that people read. Raises UserError for
    one that is none."""
    return _hashes(Path(name))


@remembered
def _hashes(path: Path) -> dict[str, str]:
    files = [f for f in sorted(path.iterdir()) if f.is_file() and not _FOR_PEOPLE.match(f.name)]
    for file in files:
        if wrong := _file_kinds.safetensors_fault(file) if file.suffix == ".safetensors" else _file_kinds.pointer(file):
            raise UserError(f"model '{path}': {file.name}: {wrong}")
    return {f.name: digest_of(f) for f in files}


def _config(path: Path, given: Settings) -> Any:
    import transformers

    try:
        values = json.loads((path / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"model '{path}': config.json cannot be read ({error})") from error
    if not isinstance(values, dict):
        raise UserError(f"model '{path}': config.json is no mapping of settings")
    try:
        config_class = transformers.AutoConfig.for_model(values.get("model_type", "")).__class__
    except ValueError:
        known = list(transformers.CONFIG_MAPPING)
        kind = values.get("model_type")
        raise UserError(
            f"model '{path}': this transformers knows no model_type '{kind}'{suggestion(str(kind), known)}"
        ) from None
    return _configs.configured(config_class, values, given, str(path))


def _model_class(config: Any, path: Path) -> Any:
    import transformers

    names = [config.architectures] if isinstance(config.architectures, str) else config.architectures or []
    for name in names:
        kind = getattr(transformers, name, None)
        if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
            return kind
    if names:
        raise UserError(f"model '{path}': this transformers has no model class {' or '.join(names)}")
    return transformers.AutoModel


def _with_weights(model_class: Any, config: Any, path: Path, trial: Any) -> tuple[Any, str]:
    import torch
    from safetensors import SafetensorError

    def build(**given):
        return model_class.from_pretrained(
            path,
            config=config,
            dtype=getattr(torch, trial.dtype),
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            **given,
        )

    try:
        module, report = _module.with_attention(build, trial.attn_implementation)
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        text = " ".join(str(error).split())
        raise UserError(f"model '{path}': its weights do not load: {text[:400]}") from error
    missing = len(report["missing_keys"])
    return module, f"real, but {missing} tensors random" if missing else "real"


def _inputs(path: Path, config: Any, module: Any) -> tuple[Callable[[Any], Inputs], str]:
    """What makes the inputs for a trial, and what they are: `sentences` or `random`."""
    if _files(path, TOKENIZER):
        tokenizer = _tokenizer(path)
        return lambda trial: sentences(tokenizer, module, trial), "sentences"

    def drawn(trial: Any) -> Inputs:
        return _modalities.inputs_for(config, module, trial, LENGTH_WITHOUT_TOKENIZER)

    return drawn, "random"


def _tokenizer(path: Path) -> Any:
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except ImportError as error:
        raise Unavailable(f"model '{path}': its tokenizer: {' '.join(str(error).split())[:300]}") from error
    except Exception as error:  # tokenizers raises bare ones
        raise UserError(f"model '{path}': its tokenizer does not load: {' '.join(str(error).split())[:300]}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def sentences(tokenizer: Any, module: Any, trial: Any) -> Inputs:
    """Real sentences through the tokenizer: as long as seq_length, else as the longest of the batch. Others than the
    recorded ones begin elsewhere in the list, and are cut to the length of those."""
    import inspect

    first = trial.seed % len(SENTENCES) if _module.chance_of(trial) else 0
    length = trial.seq_length or (len(_tokens(tokenizer, _batch(0, trial))["input_ids"][0]) if first else None)
    found = _tokens(tokenizer, _batch(first, trial), length)
    takes = inspect.signature(module.forward).parameters
    return {name: tensor for name, tensor in found.items() if name in takes}


def _batch(first: int, trial: Any) -> list[str]:
    return [SENTENCES[(first + i) % len(SENTENCES)] for i in range(trial.batch_size)]


def _tokens(tokenizer: Any, batch: list[str], length: int | None = None) -> Any:
    padding = {"padding": "max_length", "max_length": length} if length else {"padding": "longest"}
    return tokenizer(batch, truncation=bool(length), return_tensors="pt", **padding)


def _files(path: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted({f for pattern in patterns for f in path.glob(pattern) if f.is_file()})


source = Source(
    name="directory",
    summary="a local directory in Hugging Face layout",
    load=load,
    identity=identity,
    packages=("torch", "transformers", "transformers.modeling_utils"),
    shapes={"seq_length": None, "max_audio_seq_length": None, "height": None, "width": None},
    refuse=_refusals.no_shapes,
)
