"""The rules, as pure functions and values: no SQL, no HTTP, no Dagster, nothing but the standard library."""
