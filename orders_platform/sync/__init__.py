"""Core 2: from waiting rows to a board that equals them. Plan, intent, send, outcome, recovery, reconcile."""
