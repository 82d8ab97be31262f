"""The order database: connections to SQLite and SQL Server, the statements of `sql/`, and what is read and written with them."""
