"""The Dagster partitions: one per customer."""

from collections.abc import Collection, Iterable

import dagster as dg

from orders_platform.domain.needed_runs import PartitionChanges, partition_changes

CUSTOMERS = dg.DynamicPartitionsDefinition(name="customers")
"""Dynamic, because a new customer must not need a deployment; the key is the canonical name."""


def make_partitions(
    instance: dg.DagsterInstance, customers: Iterable[str], busy: Collection[str] | None = None
) -> PartitionChanges:
    """Make the partitions that customers lack; given who has a run on its way, also delete those of nobody."""
    changes = partition_changes(customers, instance.get_dynamic_partitions("customers"), busy or ())
    if changes.added:
        instance.add_dynamic_partitions("customers", list(changes.added))
    for key in changes.deleted if busy is not None else ():
        instance.delete_dynamic_partition("customers", key)
    return changes
