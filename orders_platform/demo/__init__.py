"""`make run`: sample orders through all six assets onto the sandbox; only `cli/`, tests and benchmarks import it."""
