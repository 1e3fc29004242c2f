"""What was measured of this host and is kept: its peaks, and the smallest difference that it can tell."""
