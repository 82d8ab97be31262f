"""The client of monday.com: requests, pace, error policy, batches, and the board they add up to."""
