"""The suite `planted`: a few numbers as inputs and a fault while loading, named like the model."""

from benchlib.registry import Option, Source


def _load(name, trial):
    import numpy as np

    from benchlib.models import LoadedModel
    from benchlib_planted.faults import FAULTS

    FAULTS[trial.model_args.get("fault", "")]()
    chance = np.random.default_rng(trial.seed)
    inputs = {"x": chance.normal(size=(trial.batch_size, trial.seq_length or 4)).astype(np.float32)}
    return LoadedModel(inputs=inputs, facts={"model_class": name, "params_size": 0, "model_weights": "none"})


source = Source(
    name="planted",
    summary="models with known faults",
    load=_load,
    catalogue=lambda: [{"name": n} for n in ("plain", "other", "<script>alert(1)</script>")],
    shapes={"seq_length": 4},
    options={"fault": Option(str, "", "what goes wrong while loading")},
    gives="planted",
    judge={"exporter": "planted"},
    judged_by="the plain planted runtime",
)
