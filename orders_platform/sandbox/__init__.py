"""A local monday.com, for demos, tests and benchmarks; only `cli/` and `demo/` import it."""
