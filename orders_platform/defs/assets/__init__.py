"""The assets, each a thin shell: read, plan, apply, report."""
