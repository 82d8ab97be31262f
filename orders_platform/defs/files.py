"""Order files that Dagster loads by itself: a sensor that looks into a folder, and the job that loads what is new or changed in it.

A file takes the place of its own rows. One that was deleted keeps the rows that it had, those of one that was renamed are its new name's,
and nothing is loaded twice (`merge/loads.py`, `superseded`).
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from orders_platform.build import order_folder
from orders_platform.configuration import Automation
from orders_platform.defs.assets import SWP_ORDER_LIST
from orders_platform.defs.automation import UNFINISHED, sensor_status
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.text import counted
from orders_platform.errors import SourceDataError
from orders_platform.merge.loads import Loads, look_into
from orders_platform.settings import Settings


@dg.op(out=dg.Out(dg.Nothing))
def load_new_files(orders_database: OrdersDatabase) -> Iterator[dg.AssetObservation]:
    """Load the files of the folder that are new or changed, together; a refused one is noted with its reason and stops no other."""
    with dagster_failures("order files"), TemporaryDirectory() as unpacked:
        load = Loads(orders_database.store).load_folder(order_folder(Settings()), datetime.now(UTC), Path(unpacked))
        files = [dg.TableRecord({"file": file.path.name, "sheets": len(file.sheets), "rows": file.rows}) for file in load.files]
        metadata: dict[str, dg.RawMetadataValue] = {"rows_loaded": load.rows, "files_loaded": len(load.files)}
        metadata |= {"files_refused": len(load.refused)} | ({"files": dg.MetadataValue.table(files)} if files else {})
        metadata |= {f"refused: {name}": reason for name, reason in load.refused.items()}
        yield dg.AssetObservation(SWP_ORDER_LIST, metadata=metadata)
        if load.refused:
            count = counted(len(load.refused) + len(load.files), "file")
            raise SourceDataError(f"Refused {len(load.refused)} of {count}. {' '.join(load.refused.values())}")


@dg.job(description="Loads the new and changed order files of the folder that [files] names into the staging table.")
def load_files() -> None:
    """One step: `load_new_files`."""
    load_new_files()


def build_file_sensor(automation: Automation) -> dg.SensorDefinition:
    """The sensor, with the pace of the configuration."""

    @dg.sensor(
        job=load_files,
        minimum_interval_seconds=automation.changes_seconds,
        default_status=sensor_status(automation.is_on("new_files")),
        description="Requests a run when the folder of order files holds one that is new or changed, each once by its content.",
    )
    def new_files(context: dg.SensorEvaluationContext, orders_database: OrdersDatabase) -> dg.SensorResult:
        busy = context.instance.get_run_records(dg.RunsFilter(job_name=load_files.name, statuses=UNFINISHED), limit=1)
        if busy:
            return dg.SensorResult(skip_reason="A run that loads files is queued or under way.", cursor=context.cursor)
        known = {name: (size, at, content) for name, (size, at, content) in json.loads(context.cursor or "{}").items()}
        with dagster_failures("order files"):
            folder = look_into(order_folder(Settings()), Loads(orders_database.store).latest(), datetime.now(UTC), known)
        reason = f"{len(folder.waiting)} new or changed, {len(folder.left)} refused and gone"
        is_needed = bool(folder.waiting or folder.left)
        return dg.SensorResult(
            run_requests=[dg.RunRequest(tags={"orders/reason": f"order files: {reason}"})] if is_needed else [],
            cursor=json.dumps(known),
            skip_reason=None if is_needed else "No file is new or changed.",
        )

    return new_files
