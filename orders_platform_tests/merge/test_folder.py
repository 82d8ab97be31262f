"""A folder of order files, whatever people do with their names: no order of it is lost, and none is staged twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orders_platform.errors import SourceDataError
from orders_platform.merge.loads import FolderLoad, Loads, superseded
from orders_platform_tests.merge.test_loads import written
from orders_platform_tests.testing.order_list import FILE, KEY, OrderList, order

Values = dict[str, str]
"""Order number -> what the file says of it."""


class Place:
    """A folder, the staging table, and the clock of who looks into it."""

    def __init__(self, order_list: OrderList, folder: Path) -> None:
        self.order_list, self.folder = order_list, folder
        self.files: dict[str, Values] = {}
        self.days: Iterator[int] = count(40_000)
        order_list.sql('DELETE FROM "swp_ORDER_LIST_V2"')
        order_list.sql("DELETE FROM ORDER_LOADS")

    def write(self, name: str, values: Values) -> None:
        self.files[name] = dict(values)
        written(self.folder / f"{name}.csv", *(order(number, NOTES=value) for number, value in values.items()))

    def rename(self, name: str, other: str) -> None:
        self.files[other] = self.files.pop(name)
        (self.folder / f"{name}.csv").rename(self.folder / f"{other}.csv")

    def copy(self, name: str, other: str) -> None:
        self.files[other] = dict(self.files[name])
        shutil.copy2(self.folder / f"{name}.csv", self.folder / f"{other}.csv")

    def delete(self, name: str) -> None:
        del self.files[name]
        (self.folder / f"{name}.csv").unlink()

    def look(self) -> FolderLoad:
        now = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=next(self.days))
        return Loads(self.order_list.store).load_folder(self.folder, now, Path(tempfile.mkdtemp()))

    def staged(self) -> list[tuple[str, str, str]]:
        rows = self.order_list.sql(f'SELECT "{FILE}", "{KEY}", "NOTES" FROM "swp_ORDER_LIST_V2"')
        return sorted((str(file), str(number), str(value)) for file, number, value in rows)


@pytest.fixture
def place(order_list: OrderList, tmp_path: Path) -> Place:
    return Place(order_list, tmp_path)


OLD = {"1": "old", "2": "old", "3": "old"}
NEW = {**OLD, "2": "new"}


def test_a_renamed_file_keeps_its_orders_once(place: Place) -> None:
    place.write("a", OLD)
    place.look()
    place.rename("a", "b")
    place.look()
    assert place.staged() == [("b", number, "old") for number in "123"]
    place.write("b", NEW)
    place.look()
    assert place.staged() == [("b", "1", "old"), ("b", "2", "new"), ("b", "3", "old")]


@pytest.mark.parametrize("is_renamed_first", [True, False])
def test_a_file_that_is_renamed_and_edited_between_two_looks_has_its_new_rows_only(
    place: Place, is_renamed_first: bool
) -> None:
    place.write("a", OLD)
    place.look()
    if is_renamed_first:
        place.rename("a", "b")
        place.write("b", NEW)
    else:
        place.write("a", NEW)
        place.rename("a", "b")
    place.look()
    assert place.staged() == [("b", "1", "old"), ("b", "2", "new"), ("b", "3", "old")]


def test_a_copy_brings_nothing_until_it_has_an_order_that_no_other_file_has(place: Place) -> None:
    place.write("a", OLD)
    place.look()
    place.copy("a", "copy of a")
    assert place.look().files == []
    place.write("a", NEW)
    place.look()
    assert place.staged() == [("a", "1", "old"), ("a", "2", "new"), ("a", "3", "old")]
    place.write("a", {"2": "new"})
    place.look()
    assert place.staged() == [("a", "2", "new"), ("copy of a", "1", "old"), ("copy of a", "3", "old")]


def test_last_months_file_under_another_name_keeps_its_orders_when_a_new_one_takes_its_name(place: Place) -> None:
    place.write("orders", OLD)
    place.look()
    place.rename("orders", "orders june")
    place.write("orders", {"8": "july", "9": "july"})
    place.look()
    assert place.staged() == [
        ("orders", "8", "july"), ("orders", "9", "july"), *(("orders june", number, "old") for number in "123"),
    ]  # fmt: skip


def test_two_files_that_swap_their_names_keep_their_orders(place: Place) -> None:
    place.write("a", OLD)
    place.write("b", {"8": "x"})
    place.look()
    place.rename("a", "tmp")
    place.rename("b", "a")
    place.rename("tmp", "b")
    place.look()
    assert place.staged() == [("a", "8", "x"), *(("b", number, "old") for number in "123")]


def test_of_two_files_with_the_same_content_one_is_loaded(place: Place) -> None:
    place.write("a", OLD)
    place.copy("a", "b")
    assert [file.path.name for file in place.look().files] == ["a.csv"]
    assert place.look().files == []
    place.delete("a")
    place.look()
    assert place.staged() == [("b", number, "old") for number in "123"]


def test_a_deleted_file_loses_nothing_though_another_has_an_order_of_its_number(place: Place) -> None:
    place.write("a", OLD)
    written(place.folder / "b.csv", order("1", CUSTOMER_STYLE="another"), *(order(f"9{n}") for n in range(5)))
    place.look()
    place.delete("a")
    written(place.folder / "b.csv", order("1", CUSTOMER_STYLE="another"), *(order(f"9{n}") for n in range(6)))
    place.look()
    assert [number for file, number, _ in place.staged() if file == "a"] == ["1", "2", "3"]


def test_a_file_that_is_replaced_while_it_is_read_is_loaded_at_the_next_look(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("a", OLD)
    stage = Loads.stage

    def replaced(loads: Loads, *arguments: object, **named: object) -> int:
        place.write("a", {**OLD, "4": "new"})
        return stage(loads, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Loads, "stage", replaced)
    with pytest.raises(SourceDataError, match="was changed while it was read"):
        place.look()
    assert place.staged() == []
    monkeypatch.undo()
    place.look()
    assert [number for _, number, _ in place.staged()] == ["1", "2", "3", "4"]


def test_files_that_differ_by_their_ending_only_are_refused_until_one_is_renamed(place: Place) -> None:
    place.write("a", OLD)
    (place.folder / "A.txt").write_bytes((place.folder / "a.csv").read_bytes())
    refused = place.look().refused
    assert refused.keys() == {"A.txt", "a.csv"}
    assert "differs from it by its ending only" in refused["a.csv"]
    assert place.look().refused == {}
    (place.folder / "A.txt").rename(place.folder / "b.txt")
    assert [file.path.name for file in place.look().files] == ["a.csv"]


def test_a_file_that_nobody_may_read_stops_no_other(place: Place) -> None:
    (place.folder / "b.csv").symlink_to(place.folder / "nowhere")
    (place.folder / "folder.csv").mkdir()
    place.write("a", OLD)
    assert place.look().rows == 3


def named(place: Place, name: str, source: str, *numbers: str) -> None:
    """A file whose rows say themselves where they come from."""
    written(place.folder / f"{name}.csv", *(order(number, NOTES=name) | {FILE: source} for number in numbers), without=())


def test_a_file_whose_rows_name_the_source_of_another_is_refused_while_that_one_is_there(place: Place) -> None:
    named(place, "a", "AUTUMN", "1", "2")
    place.look()
    named(place, "b", "Autumn", "3")
    assert "as those of a.csv in the same folder do" in place.look().refused["b.csv"]
    assert place.staged() == [("AUTUMN", "1", "a"), ("AUTUMN", "2", "a")]
    assert (place.look().refused, place.look().files) == ({}, [])
    named(place, "a", "AUTUMN", "2", "4")
    place.look()
    assert [number for _, number, _ in place.staged()] == ["2", "4"]
    (place.folder / "a.csv").unlink()
    assert [file.path.name for file in place.look().files] == ["b.csv"]
    assert ("Autumn", "3", "b") in place.staged()


def test_a_file_that_is_called_as_the_rows_of_another_say_is_refused(place: Place) -> None:
    named(place, "a", "b", "1")
    place.look()
    place.write("b", {"2": "new"})
    assert place.look().refused.keys() == {"b.csv"}
    assert place.staged() == [("b", "1", "a")]


def test_of_new_files_whose_rows_name_one_source_the_first_is_loaded(place: Place) -> None:
    named(place, "a", "AUTUMN", "1")
    named(place, "b", "AUTUMN", "2")
    found = place.look()
    assert ([file.path.name for file in found.files], list(found.refused)) == (["a.csv"], ["b.csv"])


@pytest.mark.parametrize("now", ["SPRING", ""])
def test_a_file_whose_rows_name_another_source_than_before_has_its_new_rows_only(place: Place, now: str) -> None:
    named(place, "a", "AUTUMN", "1", "2")
    named(place, "b", "WINTER", "5")
    place.look()
    named(place, "a", now, "2", "3")
    place.look()
    assert [(source, number) for source, number, _ in place.staged() if number != "5"] == [(now or "a", "2"), (now or "a", "3")]
    assert ("WINTER", "5", "b") in place.staged()


def test_a_refused_file_that_comes_back_as_it_was_is_looked_at_again(place: Place) -> None:
    file = place.folder / "a.csv"
    file.write_text("no\norders\n", "utf-8")
    assert place.look().refused.keys() == {"a.csv"}
    content = file.read_bytes()
    file.unlink()
    assert place.look().refused == {}
    file.write_bytes(content)
    assert place.look().refused.keys() == {"a.csv"}
    assert place.look().refused == {}  # once, until it changes


def test_files_whose_rows_name_their_sources_may_swap_their_names(place: Place) -> None:
    named(place, "a", "AUTUMN", "1")
    named(place, "b", "SPRING", "2")
    place.look()
    named(place, "a", "SPRING", "2", "3")
    named(place, "b", "AUTUMN", "1")
    assert place.look().refused == {}
    assert [(source, number) for source, number, _ in place.staged()] == [("AUTUMN", "1"), ("SPRING", "2"), ("SPRING", "3")]


def test_a_row_that_does_not_say_where_it_comes_from_is_its_files(place: Place) -> None:
    rows = order("1") | {FILE: "AUTUMN"}, order("2") | {FILE: " "}
    written(place.folder / "a.csv", *rows, without=())
    place.look()
    written(place.folder / "a.csv", *rows, order("3"), without=())
    place.look()
    assert [(source, number) for source, number, _ in place.staged()] == [("AUTUMN", "1"), ("a", "2"), ("xGREYSON", "3")]


NAMES = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["new", "edit", "add", "drop", "rename", "copy", "swap", "delete", "look", "look"]), NAMES, NAMES),
    min_size=4, max_size=25,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
@example([("new", "a", ""), ("look", "", ""), ("copy", "a", "b"), ("edit", "a", ""), ("look", "", ""), ("drop", "a", "")])
@example([("new", "a", ""), ("copy", "a", "b"), ("edit", "a", ""), ("look", "", ""), ("delete", "a", "")])
def test_whatever_people_do_with_the_files_each_order_is_staged_once(
    order_list: OrderList, steps: list[tuple[str, str, str]]
) -> None:
    place = Place(order_list, Path(tempfile.mkdtemp()))
    kept: set[tuple[str, str]] = set()
    forked: set[str] = set()
    for step, name, other in [*steps, ("look", "", ""), ("new", "z", ""), ("look", "", "")]:
        if step != "look":
            take(place, step, name, other)
            continue
        is_loaded, rows = bool(place.look().files), place.staged()
        held = [(number, value) for values in place.files.values() for number, value in values.items()]
        forked |= {number for number, _ in held if len({value for each, value in held if each == number}) > 1}
        staged = {number for _, number, _ in rows}
        assert {number for number, _ in held} <= staged
        assert {number for file, number in kept if file not in place.files} <= staged  # what only a file that left had
        for number in staged - forked:
            said, of_folder = [value for _, each, value in rows if each == number], {v for n, v in held if n == number}
            assert len(set(said)) == 1
            assert not of_folder or set(said) == of_folder
            assert not is_loaded or len(said) <= max(1, sum(each == number for each, _ in held))
        kept = {(file, number) for file, number, _ in rows}


def take(place: Place, step: str, name: str, other: str) -> None:
    """A step, where it can be taken."""
    files, fresh = place.files, str(next(place.days))
    orders = dict(files.get(name, {}))
    if step == "new" and name not in files:
        place.write(name, {f"{fresh}-{n}": fresh for n in range(3)})
    elif step == "add" and orders:
        place.write(name, {**orders, fresh: fresh})
    elif step in {"edit", "drop"} and len(orders) > 1:
        last, _ = orders.popitem()
        place.write(name, orders if step == "drop" else {**orders, last: fresh})
    elif step in {"rename", "copy"} and orders and other not in files:
        getattr(place, step)(name, other)
    elif step == "swap" and name != other and {name, other} <= files.keys():
        place.rename(name, "tmp")
        place.rename(other, name)
        place.rename("tmp", other)
    elif step == "delete" and orders:
        place.delete(name)


def test_rows_without_a_number_go_with_their_file() -> None:
    rows = [("a", "1"), ("a", None), ("a", "2"), ("b", "1"), ("b", "3"), ("b", " ")]
    assert superseded(rows, {"b"}, {"b"}, set()) == {"a": {"1", None}}
    assert superseded(rows, {"b"}, set(), set()) == {"a": {"1", None}}
