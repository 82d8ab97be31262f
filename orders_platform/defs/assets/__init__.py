"""The six assets, each a thin shell: read, plan, apply, report. Rules and statements are elsewhere."""
