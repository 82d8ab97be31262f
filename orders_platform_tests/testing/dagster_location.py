"""The code location on an instance: its jobs, and what they left behind."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from orders_platform.definitions import build_definitions
from orders_platform.defs.partitions import add_customers
from orders_platform.domain.customers import partition_key_for
from orders_platform.settings import Settings

STAGES = ("monday_groups", "monday_items", "monday_subitems")


@dataclass
class Location:
    """Definitions are built for each run, as a new process would."""

    instance: dg.DagsterInstance

    @property
    def customers(self) -> set[str]:
        return set(self.instance.get_dynamic_partitions("customers"))

    def survey(self) -> dg.ExecuteInProcessResult:
        return self._job("scan_staging").execute_in_process(instance=self.instance, raise_on_error=False)

    def sync(self, key: str) -> dg.ExecuteInProcessResult:
        """All six assets of one partition, which exists as if somebody had typed it in."""
        if key not in self.customers:
            self.instance.add_dynamic_partitions("customers", [key])
        return self._job("sync_customer").execute_in_process(instance=self.instance, partition_key=key, raise_on_error=False)

    def sync_customer(self, customer: str) -> dg.ExecuteInProcessResult:
        """All six assets of a customer whose partition is made in our way."""
        add_customers(self.instance, [customer])
        return self.sync(partition_key_for(customer))

    def _job(self, name: str) -> dg.JobDefinition:
        return build_definitions(Settings()).resolve_job_def(name)


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    """What an asset reported."""
    found = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)]
    assert len(found) == 1, f"{asset} was materialised {len(found)} times"
    return {name: value.value for name, value in found[0].materialization.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> tuple[str, dg.DagsterEvent]:
    """The first step that failed, and its event."""
    failed = [event for event in result.all_events if event.is_step_failure]
    assert failed, "no step failed"
    return str(failed[0].step_key), failed[0]
