"""A BLOB in the staging table, where another program filled it: its text where it is one, else a cell that its column cannot hold."""

from __future__ import annotations

import pytest

from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

COLUMNS = ("PO NUMBER", "CUSTOMER PRICE", "M", "TOTAL QTY", "ORDER DATE PO RECEIVED", "_SOURCE_TABLE", "NOTES")


WARNED = {"CUSTOMER PRICE", "M", "TOTAL QTY", "ORDER DATE PO RECEIVED"}


@pytest.mark.parametrize(("blob", "warned"), [(b"\xff\xfe\x00", WARNED), (b"12", set())])
def test_a_blob_is_a_cell_and_keeps_no_order_off_the_board(
    workplace: Workplace, terminal: Terminal, blob: bytes, warned: set[str]
) -> None:
    workplace.stage(samples_of("B'HOOD", "BHOOD")[:4])
    present = {row[1] for row in workplace.rows("PRAGMA table_info('swp_ORDER_LIST_V2')")}
    for column in set(COLUMNS) & present - ({"ORDER DATE PO RECEIVED"} if blob == b"12" else set()):
        workplace.write(f'UPDATE swp_ORDER_LIST_V2 SET "{column}" = ? WHERE rowid = 1', blob)
    assert terminal("sync").code == 0
    done = terminal("sync", "--execute")
    assert done.code == 0, done
    assert sum(map(len, workplace.board.values())) == 4
    warnings = {row["column"] for row in terminal("status", "--json").document["cell_warnings"]}
    assert warnings == warned & present
    sent = workplace.mutations
    assert terminal("sync", "--execute").code == 0
    assert workplace.mutations == sent  # and the load is known again
