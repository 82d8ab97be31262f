"""The Dagster partitions: one per customer."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from orders_platform.domain.customers import partition_key_for
from orders_platform.errors import SourceDataError

CUSTOMERS = dg.DynamicPartitionsDefinition(name="customers")
"""Dynamic, because a new customer must not need a deployment; the key is the canonical name."""


def add_customers(instance: dg.DagsterInstance, customers: Iterable[str]) -> list[str]:
    """Make partitions of customers that have none yet; their keys.

    Raises:
        SourceDataError: some names cannot be a partition, all of them named; the others have theirs by then.
    """
    keys, refusals = [], []
    for customer in customers:
        try:
            keys.append(partition_key_for(customer))
        except SourceDataError as error:
            refusals.append(str(error))
    known = set(instance.get_dynamic_partitions("customers"))
    new = [key for key in keys if key not in known]
    if new:
        instance.add_dynamic_partitions("customers", new)
    if refusals:
        raise SourceDataError(" ".join(refusals))
    return new
