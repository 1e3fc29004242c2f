"""The controller of the workers, and from samples to statistics."""
