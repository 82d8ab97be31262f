"""From waiting rows to a board that equals them: plan, intent, send, outcome, recovery. Knows neither SQLAlchemy nor httpx."""
