"""Core 1: from files and the staging table to orders and lines."""
