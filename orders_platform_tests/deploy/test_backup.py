"""What docs/how_to/deploy.md says of a backup: a restored order database makes nothing twice, however old it is."""

from __future__ import annotations

import shutil

import dagster as dg

from orders_platform_tests.testing.dagster_location import Location
from orders_platform_tests.testing.workplace import Workplace, samples_of

ORDERS = samples_of("B'HOOD", "BHOOD")
CUSTOMER = "B'HOOD"


def ids(place: Workplace) -> dict[str, str]:
    """The item of each order, as the database knows it."""
    return dict(place.rows('SELECT order_key, monday_item_id FROM "ORDER_LIST_V2"'))


def test_after_a_restore_the_board_is_found_again_and_what_changed_since_is_sent(workplace: Workplace) -> None:
    backup = workplace.folder / "backup.db"
    with dg.DagsterInstance.ephemeral() as instance:
        location = Location(instance)
        workplace.stage(ORDERS[:10])
        assert location.sync(CUSTOMER).success
        shutil.copy(workplace.database, backup)  # of last night
        workplace.stage(ORDERS)
        assert location.sync(CUSTOMER).success
        board, known = workplace.board, ids(workplace)
        shutil.copy(backup, workplace.database)
        assert len(ids(workplace)) < len(known)
        workplace.stage(ORDERS)  # the workbooks are loaded again many times a day
        assert location.sync(CUSTOMER).success
        assert workplace.board == board
        assert ids(workplace) == known
        before = workplace.mutations
        assert location.sync(CUSTOMER).success
        assert workplace.mutations == before


def test_an_empty_database_adopts_the_whole_board(workplace: Workplace) -> None:
    """The worst case: no backup at all."""
    with dg.DagsterInstance.ephemeral() as instance:
        location = Location(instance)
        workplace.stage(ORDERS)
        assert location.sync(CUSTOMER).success
        board, known = workplace.board, ids(workplace)
        workplace.database.unlink()
        workplace.stage(ORDERS)
        assert location.sync(CUSTOMER).success
        assert (workplace.board, ids(workplace)) == (board, known)
