"""The asset checks, by who makes them: what must hold of the tables and the board. docs/reference/checks.md has the list.

A check is a function of `order_checks` or `board_checks`; its docstring is what people read in Dagster and in that list. A check that a
customer's run makes is partitioned by customer. Dagster shows a check as not evaluated once its asset was materialised after it, so what
the jobs check of all customers is about an asset that no run materialises: the staging table, or the board as people see it.
"""

from types import ModuleType

import dagster as dg

from orders_platform.defs.checks import board_checks, order_checks


def _checks_of(module: ModuleType) -> list[dg.AssetChecksDefinition]:
    found = [each if isinstance(each, list) else [each] for each in vars(module).values()]
    return [check for each in found for check in each if isinstance(check, dg.AssetChecksDefinition)]


ALL = [*_checks_of(order_checks), *_checks_of(board_checks)]
OF_A_RUN = [each for each in ALL if all(spec.partitions_def for spec in each.check_specs)]
"""Made by the run of a customer, of that customer."""

OF_WAITING_ROWS = [*order_checks.no_rows_stuck]
"""Made by the job `check_waiting_rows`."""

OF_VALUES = [board_checks.board_shows_values]
"""Made by the job `verify_boards`, which reads every cell."""

OF_ALL_CUSTOMERS = [each for each in ALL if each not in [*OF_A_RUN, *OF_WAITING_ROWS, *OF_VALUES]]
"""Made by the job `check_orders`, over all customers at once, so that a customer that does not run any more is noticed."""
