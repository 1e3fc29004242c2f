"""What `make bench` runs: the harness held against things that are not the harness, as ratios within one run.

`python -m tests.bench` runs all of it, `python -m tests.bench NAME` one benchmark. Each prints its figures beside
their thresholds; the exit status is 1 when one is missed. Run it on a machine that does nothing else.
"""
