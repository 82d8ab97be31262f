"""`make run`: sample orders through all six assets onto the sandbox, for demos, tests and benchmarks; only `cli.py` imports it."""
