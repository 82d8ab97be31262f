"""Where in the code an asset is: its function, and the files that do its work, as links in Dagster's catalogue.

Belongs here: which files those are, and their addresses. Does not belong here: the rest of the catalogue (`catalogue.py`). The links
lead to local files, which an editor opens, or to the repository's pages when `code_url` of [reports] is set.
"""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path

import dagster as dg

from orders_platform.settings import default_folder

WORK = {
    "order_headers": ("sql/1_clean_orders.sql.j2", "sql/1_identify_orders.sql.j2", "sql/1_judge_orders.sql.j2",
                      "sql/1_update_orders.sql.j2", "sql/1_insert_orders.sql.j2", "orders_platform/merge/order_merge.py"),
    "order_sizes": ("sql/2_unpivot_sizes.sql.j2", "orders_platform/domain/sizes.py"),
    "order_lines": ("sql/3_update_lines.sql.j2", "sql/3_insert_lines.sql.j2", "sql/3_end_gone_lines.sql.j2"),
    "monday_groups": ("orders_platform/sync/groups.py", "graphql/create_group.graphql"),
    "monday_items": ("orders_platform/sync/items.py", "orders_platform/domain/plan.py", "graphql/create_item.graphql"),
    "monday_subitems": ("orders_platform/sync/subitems.py", "graphql/create_subitem.graphql"),
    "sync_report": ("orders_platform/reports/content.py", "orders_platform/reports/page.html.j2",
                    "sql/views/order_sync_status.sql.j2"),
}  # fmt: skip
"""The files that do an asset's work, as they lie in the repository."""


def code_references(asset: dg.AssetsDefinition, code_url: str) -> dict[str, dg.CodeReferencesMetadataValue]:
    """The metadata entry of one asset: its function first, then `WORK`.

    Args:
        asset: made by `@dg.asset`.
        code_url: of the repository's files in a browser; empty for local files.
    """
    function = inspect.unwrap(asset.op.compute_fn.decorated_fn)  # type: ignore[union-attr]
    module = function.__module__.replace(".", "/") + ".py"
    _, line = inspect.getsourcelines(function)
    places = [(module, line), *((file, 1) for file in WORK.get(asset.key.path[-1], ()))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # code references are beta in Dagster 1.13: only a link depends on them
        found = [_reference(file, at, code_url) for file, at in places]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=found)}


def _reference(file: str, line: int, code_url: str) -> dg.LocalFileCodeReference | dg.UrlCodeReference:
    if code_url:
        return dg.UrlCodeReference(url=f"{code_url}/{file}#L{line}", label=file)
    return dg.LocalFileCodeReference(file_path=str(local_path(file)), line_number=line, label=file)


def local_path(file: str) -> Path:
    """Where a file of the repository is on this machine: in a checkout, or in an installed wheel."""
    folder, _, rest = file.partition("/")
    return Path(__file__).parents[2] / rest if folder == "orders_platform" else default_folder(folder) / rest
