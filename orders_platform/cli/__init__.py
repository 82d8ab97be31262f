"""The terminal: the `orders-platform` command, its subcommands, and what they print."""
