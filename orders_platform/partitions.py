"""The Dagster partitions: one per customer.

Belongs here: the definition and how customers become keys in an instance. Does not belong here: what a key looks like
(`domain/customers.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from orders_platform.domain.customers import partition_key_for

CUSTOMERS = dg.DynamicPartitionsDefinition(name="customers")
"""Dynamic, because a new customer must not need a deployment; the key is the canonical name."""


def add_customers(instance: dg.DagsterInstance, customers: Iterable[str]) -> list[str]:
    """Make partitions of customers that have none yet; their keys."""
    known = set(instance.get_dynamic_partitions("customers"))
    new = [key for key in map(partition_key_for, customers) if key not in known]
    if new:
        instance.add_dynamic_partitions("customers", new)
    return new
