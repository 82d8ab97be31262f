"""A cell never keeps an order off the board: from the staging table over the wire, whatever the list holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_platform.domain.text import BLANKS, INVISIBLE
from orders_platform.sync.repair import repair_plan
from orders_platform_tests.testing.platform import GREYSON, PRICE_COLUMN, Platform, order

UNIT_COLUMN = "color_mkr5yf27"
DISCOUNT_COLUMN = "numeric_mkr56xx8"
DATE_COLUMN = "date_mkr57811"

WORDS = st.sampled_from(
    ["TBC", "10%", "$ 5", "1,250.00", "12,5", "-", "N/A", "soon", "five", "1E3", "(3)", "45658", "x" * 3_000, "PAIR"]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
ODD = st.text(st.sampled_from(BLANKS + INVISIBLE[1:] + "aB1"), max_size=6)
CELLS = st.one_of(
    st.none(), WORDS, TEXTS, ODD, st.dates().map(str), st.decimals(allow_nan=False, allow_infinity=False).map(str)
)
COLUMNS = (
    "NOTES", "FREIGHT", "DISCOUNT", "UNIT_OF_MEASURE", "CATEGORY", "EX_FACTORY_DATE", "STYLE_DESCRIPTION", "TOTAL_QTY", "S", "M",
    "CUSTOMER_COLOUR_DESCRIPTION", "AAG_SEASON", "ALIAS/RELATED_ITEM",
)  # fmt: skip


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, CELLS)), min_size=6, max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_cell_holds_its_order_is_on_the_board(platform: Platform, cells: list[dict[str, str | None]]) -> None:
    for table in ("ORDER_LIST_V2", "ORDER_LIST_LINES", "ORDER_LIST_REJECTS", "ORDER_SYNC_CUSTOMERS", "swp_ORDER_LIST_LINES"):
        platform.execute(f"DELETE FROM {table}")
    for item in platform.items():
        platform.remove(item.id, "delete_item")
    platform.clock.sleep(200)  # until nobody lists them any more
    rows = [order(f"GRE-{number:05}", {}, **each) for number, each in enumerate(cells)]
    platform.load(rows)
    assert platform.sync().is_done
    assert platform.numbers == [f"GRE-{number:05}" for number in range(len(cells))]
    assert platform.states() == {"SYNCED"}
    assert platform.store.invalid_rows() == []
    with platform.watched() as watch:
        assert platform.sync().is_done
    assert watch.mutations == {}
    assert platform.verify().differences == []


@pytest.mark.parametrize(("text", "price", "discount"), [
    ("USD 12.50", "12.5", "12.5"), ("1 250", "1250", "1250"), ("(7.25)", "-7.25", "-7.25"), ("- ", None, None), ("n/a", None, None),
    ("12,5", None, None), ("waived", None, None),
])  # fmt: skip
def test_a_price_is_shown_as_it_is_meant_whether_its_column_is_a_number_or_a_text(
    platform: Platform, text: str, price: str | None, discount: str | None
) -> None:
    platform.load([order("GRE-00001", CUSTOMER_PRICE=text, DISCOUNT=text)])
    assert platform.sync().is_done
    values = platform.item("GRE-00001").values
    assert (values.get(PRICE_COLUMN), values.get(DISCOUNT_COLUMN)) == (price, discount)
    left_out = [] if price or text in {"- ", "n/a"} else ["CUSTOMER PRICE", "DISCOUNT"]
    assert sorted(each.column for each in platform.warnings()) == left_out


def test_an_order_whose_cell_turns_bad_still_gets_its_other_changes(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"S": 5, "M": 6}, DISCOUNT="0.1", EX_FACTORY_DATE="2025-11-03")])
    assert platform.sync().is_done
    bad = order("GRE-00001", {"M": 6}, DISCOUNT="TBC", EX_FACTORY_DATE="soon", ORDER_TYPE="CANCELLED", S="five")
    platform.load([bad])
    assert platform.sync().is_done
    item = platform.item("GRE-00001")
    assert (item.values.get(DISCOUNT_COLUMN), item.values.get(DATE_COLUMN)) == (None, None)
    assert item.values["dropdown_mkr518fc"] == "CANCELLED"
    assert sorted((each.column, each.text) for each in platform.warnings()) == [
        ("DISCOUNT", "TBC"), ("EX FACTORY DATE", "soon"), ("S", "five"),
    ]  # fmt: skip


def test_warnings_end_when_the_cell_is_corrected_or_the_order_leaves(platform: Platform) -> None:
    platform.policies(removed_orders="archive", max_removed_share=1.0)
    bad = [order("GRE-00001", DISCOUNT="TBC"), order("GRE-00002", DISCOUNT="TBC"), order("GRE-00003")]
    platform.load(bad)
    assert platform.sync().is_done
    assert [each.order_key for each in platform.warnings()] == ["GRE-00001", "GRE-00002"]
    platform.load([order("GRE-00001", DISCOUNT="0.2"), bad[2]])
    assert platform.sync().is_done
    assert platform.warnings() == []
    platform.load(bad)
    assert platform.sync().is_done
    assert [each.order_key for each in platform.warnings()] == ["GRE-00001", "GRE-00002"]


def test_a_repair_leaves_out_a_cell_and_fails_no_row(platform: Platform) -> None:
    platform.load([order("GRE-00001", DISCOUNT="TBC", UNIT_OF_MEASURE="BARRELS"), order("GRE-00002")])
    assert platform.sync().is_done
    item = platform.item("GRE-00001")
    query = "mutation($b: ID!, $i: ID!, $v: JSON!) { change_multiple_column_values(board_id: $b, item_id: $i, column_values: $v) { id } }"
    platform.ask(query, b="9609317401", i=str(item.id), v=f'{{"{DISCOUNT_COLUMN}": "7"}}')
    plan = repair_plan(platform.verify())
    assert [(each.order_key, each.detail) for each in plan] == [("GRE-00001", "DISCOUNT")]
    assert platform.repair(plan).is_done
    assert DISCOUNT_COLUMN not in platform.item("GRE-00001").values
    assert platform.states() == {"SYNCED"}
    assert sorted(each.column for each in platform.warnings()) == ["DISCOUNT", "UNIT OF MEASURE"]


def test_what_the_merge_finds_and_what_sending_finds_do_not_resolve_each_other(platform: Platform) -> None:
    platform.load([order("GRE-00001", DISCOUNT="TBC", FREIGHT="soon")])
    assert platform.sync().is_done
    platform.load([order("GRE-00001", DISCOUNT="TBC", FREIGHT="soon"), order("GRE-00002")])
    platform.merge.merge_headers(GREYSON, platform.merge.scan_staging(), datetime(2026, 1, 5, tzinfo=UTC))
    assert sorted(each.column for each in platform.warnings()) == ["DISCOUNT", "FREIGHT"]
    assert platform.sync().is_done
    assert sorted(each.column for each in platform.warnings()) == ["DISCOUNT", "FREIGHT"]
