"""The parameters of one trial: names, types, allowed values, defaults; the way they describe; their key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from benchlib import trial_key, trial_values
from benchlib.dtypes import OWN
from benchlib.errors import UnknownName
from benchlib.models import FILES, parse
from benchlib.registries import exporters, passes, runtimes, sources
from benchlib.registry import SIZES, Option, Source
from benchlib.way import WAY, Way

Size = Annotated[int, Field(ge=1)]
Count = Literal["auto"] | Size
Shape = list[Annotated[int, Field(ge=0)]]
Seconds = Literal["auto"] | Annotated[float, Field(gt=0)]
# Parameters that decide how a model is loaded; all others decide only how it is run.
LOADING = (
    "dtype", "batch_size", *SIZES, "shapes", "inputs", "model_args", "script_args", "max_depth", "attn_implementation",
    "with_loss", "seed",
)  # fmt: skip


class Trial(BaseModel):
    """One parameter set: one model, one way of running it, one set of conditions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())

    model: Annotated[str, Field(min_length=1)] = Field(description="suite/name, a file, a directory, package:…, hub:…")
    label: str = Field("", description="name of the row in tables; empty: the model's name")
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] = Field("cpu", description="cpu, cuda or cuda:N")
    dtype: Literal["own", "float32", "float16", "bfloat16", "float64", "mixed"] = Field(
        "own",
        description="dtype of weights and inputs; own: an object's or a script's own (mixed: several), else float32",
    )
    batch_size: Size | Literal["recorded"] = Field(1, description="items in one call; recorded: the suite's own")
    seq_length: Size | None = Field(None, description="tokens per item; null: the suite's")
    max_audio_seq_length: Size | None = Field(None, description="samples of sound per item; null: the suite's")
    height: Size | None = Field(None, description="height of images; null: the model's")
    width: Size | None = Field(None, description="width of images; null: the model's")
    num_channels: Size | None = Field(None, description="channels of images; null: the model's")
    k: Size | None = Field(None, description="hops or neighbours of a graph network; null: the suite's")
    alpha: float | None = Field(None, description="a graph network's alpha; null: the suite's")
    in_channels: Size | None = Field(None, description="features per node of a graph; null: the suite's")
    out_channels: Size | None = Field(None, description="outputs per node of a graph; null: the suite's")
    num_layers: Size | None = Field(None, description="layers of a graph network; null: the suite's")
    shapes: dict[str, Shape] | list[Shape] | None = Field(
        None, description="input shapes by name or in order, for ONNX files"
    )
    inputs: str | None = Field(None, description="a .npz file or a folder of ONNX test data with the inputs")
    model_args: dict[str, Any] = Field(default_factory=dict, description="options of the model's source")
    script_args: str = Field("", description="the command line of a model script")
    max_depth: Annotated[int, Field(ge=0)] = Field(0, description="how deep discovery looks into a script's models")
    attn_implementation: str | None = Field(None, description="eager, sdpa, …; null: the library's own")
    with_loss: bool = Field(False, description="labels among the inputs, the loss among the outputs")
    exporter: Annotated[str, AfterValidator(trial_values.known_exporter)] = Field(
        "", description="the way from the model to something that runs; empty: the one for its source"
    )
    target_opset: Size | None = Field(None, description="operator set of the export; null: the exporter's own")
    exporter_args: dict[str, Any] = Field(default_factory=dict, description="options of the exporter")
    dynamic: bool = Field(False, description="export with free shapes, then check at shapes not used for the export")
    opt_patterns: str = Field("", description="passes over the exported graph, joined with +, in order")
    pass_args: dict[str, dict[str, Any]] = Field(default_factory=dict, description="options of the passes, by name")
    sequence: str | None = Field(None, description="a Python file whose sequence() names exporter and passes")
    runtime: Annotated[str, AfterValidator(trial_values.known_runtime)] = Field(
        "", description="what executes the artifact; empty: the exporter's own"
    )
    provider: Annotated[str, AfterValidator(trial_values.known_provider)] = Field(
        "", description="execution provider; empty: the device's own"
    )
    rtopt: Literal["off", "basic", "extended", "all"] = Field("all", description="the runtime's graph optimisation")
    runtime_args: dict[str, Any] = Field(default_factory=dict, description="options of the runtime")
    io: Literal["host", "device"] = Field("host", description="host: copies inside the timing; device: bound there")
    cuda_graphs: bool = Field(False, description="replay each call as a captured CUDA graph")
    num_cores: Size | None = Field(None, description="threads of every contender; null: all that are allowed")
    level: Literal["smoke", "quick", "precise"] = Field("quick", description="how much is measured")
    until: Literal["export", "check", "measure"] = Field("measure", description="the last step that is taken")
    processes: Literal["auto"] | Annotated[int, Field(ge=3)] = Field(
        "auto", description="pairs of processes that are measured"
    )
    warmup: Count = Field("auto", description="warm-up calls per process")
    warmup_time: Seconds = Field("auto", description="seconds of warm-up per process")
    repeat: Count = Field("auto", description="steady samples per process")
    duration: Seconds = Field("auto", description="seconds of measuring per pair of processes")
    gc: bool = Field(False, description="let Python collect garbage inside the timing, as a caller would")
    reference: Annotated[str | dict[str, Any], AfterValidator(trial_values.known_reference)] = Field(
        "eager", description="eager, none, or another way as a mapping with its exporter"
    )
    tolerance: Annotated[dict[str, Any] | None, AfterValidator(trial_values.tolerance_with_reason)] = Field(
        None, description="rtol and atol instead of the dtype's own, with the reason, which the report prints"
    )
    memory: bool = Field(False, description="measure peak memory by phase, in processes of their own")
    energy: bool = Field(False, description="measure energy per item, in a run of its own")
    profile: bool = Field(False, description="time per operator and provider, from the runtime's own profiler")
    wait_for_quiet: Annotated[float, Field(ge=0)] = Field(
        60.0, description="seconds to wait for a quiet host, in all; none at level smoke"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="seed of weights, inputs and order")
    timeout: Annotated[float, Field(gt=0)] = Field(600.0, description="seconds allowed to each step but measuring")
    tag: str = Field("", description="a remark of your own")

    @model_validator(mode="before")
    @classmethod
    def _standing_for_others(cls, values: Any) -> Any:
        return trial_values.resolved(values, default_of) if isinstance(values, Mapping) else values

    @field_validator("timeout", "wait_for_quiet", "warmup_time", "duration", "alpha", mode="before")
    @classmethod
    def _whole_numbers_too(cls, value: Any) -> Any:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _options_fit(self) -> Trial:
        try:
            called = self.way.passes
        except UnknownName as error:
            raise ValueError(f"opt_patterns: {error}") from error
        for name, given in self.pass_args.items():
            if name not in [p.name for p in called]:
                raise ValueError(f"pass_args: opt_patterns has no pass '{name}'")
            problem = trial_values.options_problem(given, passes.get(name).options)
            if problem:
                raise ValueError(f"pass_args: {name}: {problem}")
        for parameter, options in (
            ("exporter_args", exporters.get(self.exporter).options),
            ("runtime_args", runtimes.get(self.resolved_runtime).options),
            ("model_args", self.source_options),
        ):
            if options is not None:
                problem = trial_values.options_problem(getattr(self, parameter), options)
                if problem:
                    raise ValueError(f"{parameter}: {problem}")
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Trial:
        """Another trial, in which what was worked out for this one is worked out anew."""
        return Trial.model_construct(**{**self.model_dump(), **(update or {})})

    # -- what the parameters mean ----------------------------------------------------------------

    @property
    def resolved_runtime(self) -> str:
        """The name of the runtime that is asked for, else the exporter's own."""
        return self.runtime or exporters.get(self.exporter).runtime

    @property
    def source_options(self) -> Mapping[str, Option] | None:
        """What `model_args` may hold; None where the model's source takes anything."""
        scheme = self.model.partition("/")[0]
        return sources.get(scheme).options if scheme in sources else None

    def with_own_dtype(self) -> Trial:
        """This trial with the dtype that its model has, where it asks for that; a script is run for it. Raises
        UserError for a model that is not there."""
        if self.dtype != OWN:
            return self
        source, name = self.source()
        return self.model_copy(update={"dtype": source.own_dtype(name, self) if source.own_dtype else "float32"})

    def source(self) -> tuple[Source, str]:
        """The source of the model and the model's name in it. Raises UserError for a model that is not there."""
        return self._source

    @cached_property
    def _source(self) -> tuple[Source, str]:
        scheme, name = parse(self.model)
        return sources.get(scheme), name

    @property
    def model_name(self) -> str:
        """How the model is called in tables and file names."""
        if self.label:
            return self.label
        suite, _, name = self.model.partition("/")
        if suite in sources and (called := sources.get(suite).called):
            return called(name, self)
        file, mark, picked = self.model.partition("::")
        path = PurePath(file.partition(":")[2] or file)
        return f"{path.stem if path.suffix.lower() in FILES else path.name}{mark}{picked}"

    @cached_property
    def way(self) -> Way:
        """The way of the trial, with runtime and provider resolved."""
        return self._way({name: getattr(self, name) for name in WAY})

    @property
    def patience(self) -> float:
        """Seconds for which the trial waits for a quiet host: none where it decides nothing."""
        return 0.0 if self.level == "smoke" else self.wait_for_quiet

    @cached_property
    def judge_way(self) -> Way:
        """The way whose outputs count as right: eager, or what the source says."""
        return self._way({**self.source()[0].judge})

    @property
    def exact_way(self) -> Way | None:
        """The judge's way in float64 on the CPU; None where its runtime has no such option."""
        judge = self.judge_way
        runtime = runtimes.get(judge.runtime)
        provider = next((p for p, kind in runtime.providers.items() if kind == "cpu"), "")
        return replace(judge, provider=provider, runtime_args=runtime.exact) if runtime.exact else None

    @cached_property
    def reference_way(self) -> Way | None:
        """What speedup compares with; None where there is nothing (an ONNX file has no eager)."""
        if self.reference == "none":
            return None
        asked = {"exporter": self.reference} if isinstance(self.reference, str) else dict(self.reference)
        if asked == {"exporter": "eager"} and self.source()[0].gives != exporters.get("eager").takes:
            return None
        return self._way(asked)

    def _way(self, asked: dict[str, Any]) -> Way:
        exporter = exporters.get(exporters.resolved(asked["exporter"]))
        name = asked.get("runtime") or exporter.runtime
        runtime = runtimes.get(name)
        kind = self.device.partition(":")[0]
        provider = asked.get("provider") or next((p for p, d in runtime.providers.items() if d == kind), "")
        provider = provider if provider in runtime.providers else trial_values.full_provider(provider)
        return Way(
            exporter=exporters.resolved(asked["exporter"]),
            runtime=name,
            provider=provider,
            rtopt=asked.get("rtopt", "all"),
            target_opset=asked.get("target_opset"),
            exporter_args=asked.get("exporter_args", {}),
            runtime_args=asked.get("runtime_args", {}),
            cuda_graphs=asked.get("cuda_graphs", False),
            dynamic=asked.get("dynamic", False),
            opt_patterns=asked.get("opt_patterns", ""),
            pass_args=asked.get("pass_args", {}),
        )

    # -- names -----------------------------------------------------------------------------------

    def identity(self) -> list[Any]:
        """What the model and the inputs given with it are: it changes when one of them does."""
        source, name = self.source()
        given = []
        if self.inputs:
            from benchlib.models import _inputs  # takes numpy

            given = [_inputs.identity(self.inputs)]
        return [source.name, source.identity(name, self), *given]

    def key(self) -> str:
        """A hash of what was asked (see `benchlib.trial_key`) and of the model's identity, in hexadecimal digits.
        Raises UserError for a model that is not there."""
        return trial_key.key_of(self.model_dump(), self.identity())

    def file_stem(self, key: str) -> str:
        """`<model>-<way>-<short key>`, safe as a file name."""
        text = f"{self.model_name}-{self.way.label}"
        return f"{re.sub(r'[^A-Za-z0-9._=-]+', '_', text)[:80].strip('_')}-{key[:8]}"

    def asked(self) -> dict[str, Any]:
        """The parameters that differ from their defaults, as YAML and the command line spell them."""
        asked = {k: v for k, v in self.model_dump().items() if v != default_of(k)}
        if asked.get("dtype") == trial_values.own_dtype(self.model) == "float32":
            del asked["dtype"]
        return asked


def default_of(name: str) -> Any:
    """The default of a parameter; None for `model`, which has none."""
    value = Trial.model_fields[name].get_default(call_default_factory=True)
    return value if Trial.model_fields[name].is_required() is False else None
