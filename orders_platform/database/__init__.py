"""Talking to the order database: engine, templates, schema, and the OrderStore they add up to."""
