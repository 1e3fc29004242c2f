"""The processes that load, export, open and run when they are told to.

Standard library and numpy alone, and started by path, so that a worker runs in any Python environment.
`client` is the controller's side, `__main__` a fresh worker, `server` the warm process that forks workers.
"""
