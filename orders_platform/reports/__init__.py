"""Reports for people outside the team: where a customer's orders stand on the board, as a page and as markdown."""
