"""Steps over an exported graph: one file per pass, each declaring a `pass_` (see `benchlib.registry.Pass`)."""
