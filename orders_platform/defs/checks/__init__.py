"""The asset checks: what must hold of the tables and the board. docs/checks.md has the rules of severity and blocking.

Belongs here: which checks there are, and which of them a customer's run makes. Does not belong here: how an alert is sent
(`alerts.py`), when the jobs run (`schedules.py`).
"""

from __future__ import annotations

from orders_platform.defs.checks.board_checks import (
    board_equals_database,
    board_shows_values,
    no_item_doubled,
    no_subitem_doubled,
)
from orders_platform.defs.checks.order_checks import keys_unique, lines_have_orders, sizes_plausible, totals_match_sizes
from orders_platform.defs.checks.removals import removals_plausible
from orders_platform.defs.checks.row_checks import no_rows_failed, no_rows_rejected, no_rows_stuck, staging_fresh

OF_A_RUN = (
    keys_unique,
    removals_plausible,
    sizes_plausible,
    totals_match_sizes,
    no_item_doubled,
    no_subitem_doubled,
    board_equals_database,
)
"""Made in each run of a customer, about that customer."""

OF_ALL_CUSTOMERS = (
    keys_unique,
    removals_plausible,
    sizes_plausible,
    totals_match_sizes,
    lines_have_orders,
    staging_fresh,
    no_rows_failed,
    no_rows_rejected,
)
"""Made by the job `check_orders`, over all customers at once, so that a customer that does not run any more is noticed."""

OF_WAITING_ROWS = (no_rows_stuck,)
"""Made by the job `check_waiting_rows`."""

OF_VALUES = (board_shows_values,)
"""Made by the job `verify_boards`, which reads every cell."""

ALL = tuple(dict.fromkeys((*OF_A_RUN, *OF_ALL_CUSTOMERS, *OF_WAITING_ROWS, *OF_VALUES)))
NOT_OF_A_RUN = tuple(check for check in ALL if check not in OF_A_RUN)
"""They are about assets that no run materialises: Dagster takes a check for not made once its asset is materialised after it."""
