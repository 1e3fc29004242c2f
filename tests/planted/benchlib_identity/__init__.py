"""An exporter in a package of its own, as anybody may write one: announced by an entry point, it needs no edit of
benchlib. It exports by `torch.onnx.export` and leaves its signature in the file."""

from benchlib.registry import Exporter, Option


def _export(request) -> dict:
    import onnx

    from benchlib.exporters import _flat, _torch_onnx
    from benchlib.onnx_facts import onnx_facts

    flat = _flat.flat(request.model)
    axes = {name: dict(free) for name, free in request.axes.items()}
    file = _torch_onnx.write(flat, request.path, request.target_opset, dynamo=False, dynamic_axes=axes)
    proto = onnx.load(file)
    onnx.helper.set_model_props(proto, {"made_by": request.options["made_by"]})
    onnx.save(proto, file)
    return {"file": str(file), **onnx_facts(file)}


exporter = Exporter(
    name="identity",
    summary="torch.onnx.export, signed",
    packages=("torch", "onnx"),
    options={"made_by": Option(str, "benchlib_identity", "the signature")},
    export=_export,
)
