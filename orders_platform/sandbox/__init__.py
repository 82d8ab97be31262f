"""A local monday.com and sample orders, for demos, tests and benchmarks; no other folder imports it, except `cli.py`."""
