"""What was measured of this host and is kept: its peaks, and the smallest difference that it can tell."""

from benchlib import machine


def device_of(device: str) -> str:
    """How a trial's device is called in what is kept: `cpu`, or the name of the GPU."""
    return "cpu" if device == "cpu" else machine.device_name(device)
