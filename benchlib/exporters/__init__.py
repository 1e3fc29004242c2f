"""Ways from a model to an artifact: one file per exporter, each declaring an `exporter`
(see `benchlib.registry.Exporter`)."""
