"""`benchlib doctor`: is this machine fit to measure, and what can it tell?"""

from __future__ import annotations

from typing import Annotated

import typer

from benchlib.cli_options import CacheDir, use_cache
from benchlib.doctor import TAKES, conclude, examine, health, noise_floor
from benchlib.errors import UnknownName


def doctor(
    level: Annotated[str, typer.Option(help="the level to calibrate: quick or precise")] = "quick",
    device: Annotated[str, typer.Option(help="the device to calibrate: cpu, cuda or cuda:N")] = "cpu",
    calibrate: Annotated[
        bool | None,
        typer.Option(
            "--calibrate/--no-calibration",
            help="calibrate again, or not at all; without either, when this host was never calibrated",
            show_default=False,
        ),
    ] = None,
    cache_dir: CacheDir = None,
) -> None:
    """Versions, devices, providers, the health of this machine, and the smallest difference that it can tell."""
    use_cache(cache_dir)
    if level not in TAKES:
        raise UnknownName("level to calibrate", level, TAKES)
    found = health()  # before a calibration keeps the cores busy
    print(examine(found), flush=True)
    print()
    for line in noise_floor(level, device, calibrate):
        print(line, flush=True)
    print(f"\n{conclude(found)}")
