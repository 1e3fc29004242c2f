"""The proof of a row whose artifact is an ONNX graph: by onnxruntime, OpenVINO or onnx's own reference evaluator."""

from __future__ import annotations

from benchlib.record import Record
from benchlib.runtimes import OpenRequest, _ort_settings, openvino
from benchlib.runtimes._cuda import index as cuda_index
from benchlib.runtimes._ort_settings import LEVELS
from benchlib.runtimes.onnxruntime import on_device
from benchlib.trial import Trial
from benchlib.way import Way


def of_onnxruntime(trial: Trial, way: Way, record: Record) -> str:
    """The lines that open the artifact as `session` and define `flat(out)` and `bind(inputs)`, which gives the call."""
    options = dict(way.runtime_args)
    lines = ["import onnxruntime", "", "options = onnxruntime.SessionOptions()",
             "options.intra_op_num_threads, options.inter_op_num_threads = threads, 1",
             "level = onnxruntime.GraphOptimizationLevel",
             f"options.graph_optimization_level = level.{LEVELS[way.rtopt]}"]  # fmt: skip
    lines += _ort_settings.as_code(options)
    given = options.get("provider_options", {})
    if trial.device != "cpu":
        lines.append("onnxruntime.preload_dlls()")
        chain = on_device(way.provider, trial.device, given, way.cuda_graphs)
    else:
        chain = {way.provider: given}
    providers = [(name, {k: str(v) for k, v in own.items()}) for name, own in chain.items()]
    lines += [
        f"session = onnxruntime.InferenceSession(artifact, options, providers={providers!r})",
        "names = [i.name for i in session.get_inputs()]",
        "",
        "def flat(out):",
        "    return [o if isinstance(o, np.ndarray) else o.numpy() for o in out]",
        "",
    ]
    if trial.io == "host":
        return "\n".join(lines) + _BIND + "    return lambda: session.run(None, feed)\n"
    kind, index = trial.device.partition(":")[0], cuda_index(trial.device)
    graph = _ORT_GRAPH.format(kind=kind, index=index) if way.cuda_graphs else ""
    return "\n".join(lines) + _BIND + _ORT_BOUND.format(kind=kind, index=index, graph=graph)


_BIND = """
def bind(inputs):
    feed = {n: inputs[n] for n in names} if set(names) <= set(inputs) else dict(zip(names, inputs.values()))
"""

_ORT_BOUND = """\
    binding = session.io_binding()
    for name in names:
        value = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(feed[name]), "{kind}", {index})
        binding.bind_ortvalue_input(name, value)
    for output in session.get_outputs():
        binding.bind_output(output.name, "{kind}", {index})
{graph}
    def call():
        session.run_with_iobinding(binding)
        return binding.get_outputs()

    return call
"""

_ORT_GRAPH = """
    without = onnxruntime.RunOptions()
    without.add_run_config_entry("gpu_graph_id", "-1")
    session.run_with_iobinding(binding, without)
    for output, value in zip(session.get_outputs(), binding.get_outputs()):
        shape, kind = value.shape(), value.element_type()
        own = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, kind, "{kind}", {index})
        binding.bind_ortvalue_output(output.name, own)
"""


def of_openvino(trial: Trial, way: Way, record: Record) -> str:
    """The same by OpenVINO, in float32 unless the trial asks otherwise, with a request for each set of inputs."""
    request = OpenRequest("", way.exporter, threads=record.metrics["num_cores"], options=way.runtime_args)
    given = openvino.properties(request) | way.runtime_args.get("properties", {})
    return f"""import openvino

model = openvino.Core().compile_model(artifact, "CPU", {given!r})
names = [i.get_any_name() for i in model.inputs]

def flat(out):
    return out

{_BIND}    request = model.create_infer_request()
    held = {{n: openvino.Tensor(np.ascontiguousarray(a).reshape(a.shape), shared_memory=True) for n, a in feed.items()}}
    for n, tensor in held.items():
        request.set_tensor(n, tensor)

    def call(held=held):  # a request does not keep the memory of its inputs
        return list(request.infer().values())

    return call
"""


def of_reference(trial: Trial, way: Way, record: Record) -> str:
    """The same by onnx's reference evaluator."""
    return f"""from onnx.reference import ReferenceEvaluator

session = ReferenceEvaluator(artifact)
names = session.input_names

def flat(out):
    return [np.asarray(o) for o in out]

{_BIND}    return lambda: session.run(None, feed)
"""
