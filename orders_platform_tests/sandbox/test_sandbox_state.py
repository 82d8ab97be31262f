"""The file behind a sandbox: it lasts, reads leave it alone, many items stay quick."""

from __future__ import annotations

import json
import threading
import time

import pytest

from orders_platform.errors import ConfigurationError
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import AccountLimits, Sandbox

PAGE = """{ boards { id items_count groups { id } columns { id settings }
  items_page(limit: 100) { items { id column_values { text } subitems { id } } } } }"""


def test_boards_survive_a_restart(start, tmp_path):
    api = start(state=tmp_path / "new" / "sandbox.sqlite")
    parent = api.create("A", {"text_mkr5wya6": "GRE-1", "dropdown_mkr58de6": "2031 FALL"}, labels=True)
    api.create_subitem(parent, "S")
    before = api.sandbox.board_snapshot(ITEMS_BOARD_ID)
    api.sandbox.close()
    again = start(state=tmp_path / "new" / "sandbox.sqlite")
    assert again.sandbox.board_snapshot(ITEMS_BOARD_ID) == before
    assert again.create("B", {"dropdown_mkr58de6": "2031 FALL"}) > parent


def test_reading_leaves_the_file_byte_for_byte(start, tmp_path):
    file = tmp_path / "sandbox.sqlite"
    api = start(state=file)
    api.create_subitem(api.create("A", {"text_mkr5wya6": "K"}), "S")
    api.sandbox.close()
    before = file.read_bytes()
    again = start(state=file)
    again.data(PAGE)
    again.post("mutation { archive_item(item_id: 1) { id } }")
    again.http.get("/page/overview.json")
    again.sandbox.close()
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sandbox.sqlite"]


def test_a_file_that_is_not_ours_is_named(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(ConfigurationError, match=r"notes\.txt"):
        Sandbox(state=file)


def test_documents_at_the_same_time_lose_nothing(start, tmp_path):
    api = start(state=tmp_path / "sandbox.sqlite")
    threads = [threading.Thread(target=lambda: [api.create("A") for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (group,) = api.sandbox.board_snapshot(ITEMS_BOARD_ID)
    assert len({item.id for item in group.items}) == 160
    assert api.data("{ boards(ids: [9609317401]) { items_count } }")["boards"] == [{"items_count": 160}]


@pytest.mark.slow
def test_a_create_takes_little_processor_time_on_a_full_board(start, tmp_path):
    """The promise is 2 ms at 60,000 items; a board of 5,000 shows what grows with the number of items."""
    limits = AccountLimits(complexity_per_minute=10**10, calls_per_minute=10**6)
    api = start(state=tmp_path / "sandbox.sqlite", items_limit=100_000, limits=limits)
    values = json.dumps(
        {"text_mkr5wya6": "K", "numeric_mktb1d19": "12", "color_mkr5yf27": "PCS", "long_text_mkr5hass": "notes"}
    )
    fields = [
        f'a{number}: create_item(board_id: 9609317401, item_name: "A", column_values: $v) {{ id }}' for number in range(100)
    ]
    query = f"mutation($v: JSON) {{ {' '.join(fields)} }}"

    def seconds(documents: int) -> float:
        started = time.process_time()
        for _ in range(documents):
            api.data(query, v=values)
        return (time.process_time() - started) / (100 * documents)

    seconds(1)
    first = seconds(5)
    seconds(40)
    assert seconds(5) < max(0.002, 3 * first)


def test_boards_in_memory_and_in_a_file_begin_the_same(start, tmp_path):
    query = "{ boards(state: all) { id name updated_at groups { id title } columns { id title type settings } } }"
    in_memory, in_file = start().data(query), start(state=tmp_path / "boards.sqlite").data(query)
    assert in_memory == in_file


def test_a_sandbox_in_memory_is_no_part_of_the_next_one(start):
    start().create("A")
    assert start().names() == []


def test_a_full_disk_is_one_line_keeps_nothing_of_a_call_and_with_room_the_next_one_works(start, tmp_path, caplog):
    api = start(state=tmp_path / "sandbox.db")
    state = api.sandbox.state
    full = state.number("PRAGMA page_count")
    with state.lock:
        state.all(f"PRAGMA max_page_count = {int(full)}")
    refused = [api.create_refusal("A" * 200, {"long_text_mkr5hass": "x" * 2000}) for _ in range(8)][-3:]
    assert {each["extensions"]["code"] for each in refused} == {"INTERNAL_SERVER_ERROR"}
    assert "Make room on its disk" in refused[0]["message"]
    assert len([record for record in caplog.records if "cannot write its boards" in record.getMessage()]) == 1
    assert "Traceback" not in caplog.text
    items = state.count("SELECT count(*) FROM items")
    with state.lock:
        state.all("PRAGMA max_page_count = 1000000")
    api.create("B")
    assert state.count("SELECT count(*) FROM items") == items + 1
