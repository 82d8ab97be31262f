"""orders_platform keeps a monday.com board equal to an order list in a database: a group, an item, a subitem at a time."""

__version__ = "0.1.0"
