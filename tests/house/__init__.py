"""How the library reads, in figures: `python -m tests.house`, or `make figures`."""
