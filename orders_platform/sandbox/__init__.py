"""A local monday.com, for demos, tests and benchmarks; no other folder imports it, except `cli.py` and `demo/`."""
