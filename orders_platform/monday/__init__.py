"""Talking to monday.com: client, pace, replies, documents, and the board they add up to."""
