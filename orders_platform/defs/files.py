"""Order files that Dagster loads by itself: a sensor that looks into a folder, and the job that loads what is new or changed in it.

A file takes the place of its own rows. One that was deleted or renamed keeps the rows that it had, and nothing is loaded twice.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
from dagster import OpExecutionContext

from orders_platform.build import order_folder
from orders_platform.configuration import Automation
from orders_platform.defs.assets.order_assets import SWP_ORDER_LIST
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.defs.sensors import UNFINISHED, sensor_status
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import FileOptions
from orders_platform.merge.loads import Load, waiting_files
from orders_platform.settings import Settings


@dg.op(out=dg.Out(dg.Nothing))
def load_new_files(context: OpExecutionContext, orders_database: OrdersDatabase) -> Iterator[dg.AssetObservation]:
    """Load the files of the folder that are new or changed, together; a refused one is noted with its reason and stops no other."""
    loads, now = orders_database.loads, datetime.now(UTC)
    with dagster_failures("order files"), TemporaryDirectory() as unpacked:
        waiting = waiting_files(order_folder(Settings()), loads.latest(), now, {})
        good, refused = list[Load](), dict[str, str]()
        for path, content in waiting.items():
            try:
                good.append(loads.read([path], FileOptions(), Path(unpacked)))
            except SourceDataError as error:
                refused[path.name] = str(error)
                loads.record_refused(path.name, content, str(error), now)
                context.log.warning(str(error))
        rows = loads.stage(good, now, replace=None) if good else 0
        reports = [
            dg.TableRecord({"file": file.path.name, "sheets": len(file.sheets), "rows": file.rows})
            for load in good
            for file in load.files
        ]
        metadata: dict[str, dg.RawMetadataValue] = {
            "rows_loaded": rows,
            "files_loaded": len(good),
            "files_refused": len(refused),
        }
        metadata |= {"files": dg.MetadataValue.table(reports)} if reports else {}
        metadata |= {f"refused: {name}": reason for name, reason in refused.items()}
        yield dg.AssetObservation(SWP_ORDER_LIST, metadata=metadata)
        if refused:
            raise SourceDataError(f"{len(refused)} of {len(waiting)} files were refused. {' '.join(refused.values())}")


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
        known = {
            name: (size, written, content) for name, (size, written, content) in json.loads(context.cursor or "{}").items()
        }
        with dagster_failures("order files"):
            waiting = waiting_files(order_folder(Settings()), orders_database.loads.latest(), datetime.now(UTC), known)
        return dg.SensorResult(
            run_requests=[dg.RunRequest(tags={"orders/reason": f"{len(waiting)} files are new or changed"})] if waiting else [],
            cursor=json.dumps(known),
            skip_reason=None if waiting else "No file is new or changed.",
        )

    return new_files
