"""A seeded walk over an order list and the board, as people keep them, through the command line alone.

Each step edits the list (keys, cells, copies, customers, files, names in the configuration, size columns), sometimes the board as well,
loads the files, CSV or workbooks, and syncs. Then the board must be the list: each row one item, in its group, with its cells and
sizes, and nothing besides. `sync`, `status`, `verify` and `report` must agree, and a second sync send nothing.

`python -m orders_platform_tests.cli.list_walk SEED STEPS` walks for longer and prints what it does.
"""

from __future__ import annotations

import csv
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import openpyxl
import pytest

from orders_platform.cli import main as cli
from orders_platform.cli.embedded import ROOMY
from orders_platform.domain.text import fold
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import Sandbox, running
from orders_platform_tests.testing.platform import NOTES_COLUMN, NUMBER_COLUMN, QTY_COLUMN
from orders_platform_tests.testing.terminal import Outcome, captured
from orders_platform_tests.testing.workplace import VARIABLES, Workplace

NUMBER, CUSTOMER, STYLE, COLOUR = "AAG ORDER NUMBER", "CUSTOMER NAME", "CUSTOMER STYLE", "CUSTOMER COLOUR DESCRIPTION"
VALUES = {
    "PLANNED DELIVERY METHOD": ("AIR", "SEA", ""), STYLE: ("ST1", "ST2", "Café"), "PO NUMBER": ("PO1", "PO2", "12"),
    "ORDER TYPE": ("RECEIVED", "CANCELLED"), COLOUR: ("NAVY", "Blanc cassé"), "CUSTOMER SEASON": ("SP26", "sp26", "FA26", ""),
    "NOTES": ("", "urgent", "a b"),
}  # fmt: skip
KEYS = (NUMBER, "PLANNED DELIVERY METHOD", STYLE, "PO NUMBER", "ORDER TYPE", COLOUR)
SIZES = ("S", "M", "30/32", "XL")
HEADERS = (NUMBER, CUSTOMER, *VALUES, "UNIT OF MEASURE", *SIZES, "TOTAL QTY")
ALIASES = {"GREYSON": "GREYSON CLOTHIERS", "AJE": "AJE ATHLETICA (AU)", "RARE": ""}
"""The customers, each with what it is called in the configuration besides."""
INVISIBLE = ("\u200b", "\ufeff", "\u00ad", "\u2060", " ", "\u00a0")
PO_COLUMN = "text_mkr5ej2x"

Row = dict[str, str]


class Walk:
    """An order list, its files, and the board beside it; `problems` says what was wrong after which step."""

    def __init__(self, seed: int, place: Workplace, policy: str) -> None:
        self.rng, self.place, self.policy = random.Random(seed), place, policy
        self.names = {customer: customer for customer in ALIASES}
        self.rows = [self._new(f"A-{i:03}", customer) for i, customer in enumerate([*ALIASES] * 4)]
        self.away: list[Row] = []
        self.sizes = dict(zip(SIZES, SIZES, strict=True))
        self.steps: list[list[str]] = []
        self.problems: list[str] = []
        self._configure()

    def _new(self, number: str, customer: str) -> Row:
        row = {column: self.rng.choice(values) for column, values in VALUES.items()}
        quantities = {size: self.rng.choice(("", "1", "5")) for size in SIZES}
        return {NUMBER: number, CUSTOMER: customer, **row, "UNIT OF MEASURE": "PCS", **quantities}

    def _configure(self) -> None:
        # A customer that is renamed keeps its former name as an alias.
        renamed = [
            (f'"{name}" = {{{f" aliases = [{alias!r}] " if alias else ""}}}'.replace("'", '"'),
             f'"{self.names[name]}" = {{ aliases = {[name, f"{name} LTD", alias or name]} }}')
            for name, alias in ALIASES.items()
        ]  # fmt: skip
        shares = [
            ("max_removed_share = 0.20", "max_removed_share = 1.0"),
            ("max_emptied_share = 0.80", "max_emptied_share = 1.0"),
        ]
        policies = [
            (f'{name} = "{word}"', f'{name} = "archive"')
            for name, word in (("removed_orders", "keep"), ("removed_lines", "zero"))
        ]
        os.environ["ORDERS_CONFIG"] = str(
            self.place.configure(*renamed, *shares, *(policies if self.policy == "archive" else ()))
        )

    # --- edits of the list ------------------------------------------------------------------------------------------------

    def _pick(self, most: int = 1) -> list[Row]:
        return self.rng.sample(self.rows, min(self.rng.randint(1, most), len(self.rows)))

    def edit(self) -> str:
        """One of them; its name."""
        edit = self.rng.choice(
            [self.keys, self.keys, self.cell, self.twin, self.copy, self.swap, self.letters, self.move, self.leave, self.come_back,
             self.add, self.rename_customer, self.rename_size, self.shuffle]
        )  # fmt: skip
        edit()
        return edit.__name__

    def keys(self) -> None:
        for row in self._pick(3):
            for column in self.rng.sample(KEYS[1:], self.rng.randint(1, 3)):
                row[column] = self.rng.choice(VALUES[column])

    def cell(self) -> None:
        for row in self._pick(2):
            row.update({"NOTES": self.rng.choice(VALUES["NOTES"]), self.rng.choice(SIZES): self.rng.choice(("", "2", "7"))})

    def twin(self) -> None:
        row = self._pick()[0]
        self.rows.append({**self._new(row[NUMBER], row[CUSTOMER])})

    def copy(self) -> None:
        self.rows.append(dict(self._pick()[0]))

    def swap(self) -> None:
        """Two rows of a number change their cells."""
        row = self._pick()[0]
        twins = [each for each in self.rows if each[NUMBER] == row[NUMBER] and each[CUSTOMER] == row[CUSTOMER]]
        if len(twins) > 1:
            for column in ("NOTES", *SIZES):
                twins[0][column], twins[1][column] = twins[1][column], twins[0][column]

    def letters(self) -> None:
        for row in self._pick(2):
            column = self.rng.choice((NUMBER, COLOUR, STYLE))
            row[column] = self.rng.choice((row[column].lower(), row[column].upper()))

    def move(self) -> None:
        """A number, or a row of it, goes to another customer; of a number at two customers nobody could tell which one moved."""
        number = self._pick()[0][NUMBER]
        rows = [row for row in self.rows if fold(row[NUMBER]) == fold(number)]
        if len({row[CUSTOMER] for row in [*rows, *(row for row in self.away if fold(row[NUMBER]) == fold(number))]}) == 1:
            customer = self.rng.choice(list(ALIASES))
            for row in rows if self.rng.random() < 0.5 else rows[:1]:
                row[CUSTOMER] = customer

    def leave(self) -> None:
        for row in self._pick(2):
            self.rows.remove(row)
            self.away.append(row)

    def come_back(self) -> None:
        while self.away and self.rng.random() < 0.7:
            self.rows.append(self.away.pop(self.rng.randrange(len(self.away))))

    def add(self) -> None:
        self.rows.append(self._new(f"A-{self.rng.randint(100, 999)}", self.rng.choice(list(ALIASES))))

    def rename_customer(self) -> None:
        name = self.rng.choice(list(ALIASES))
        self.names[name] = f"{name} LTD" if self.names[name] == name else name
        self._configure()

    def rename_size(self) -> None:
        """A column of sizes gets another name, and the former one is left empty."""
        self.sizes["M"] = "M" if self.sizes["M"] != "M" else "XXL"

    def shuffle(self) -> None:
        self.rng.shuffle(self.rows)

    # --- the files --------------------------------------------------------------------------------------------------------

    def write_files(self) -> list[str]:
        """A file for each customer; some rows come from another's. Texts are written as people write and paste them."""
        files: dict[str, list[Row]] = {}
        for row in self.rows:
            cells = {column: self._written(column, text) for column, text in row.items() if column not in SIZES}
            cells |= {self.sizes[size]: row[size] for size in SIZES}
            cells[CUSTOMER] = self.rng.choice((row[CUSTOMER], row[CUSTOMER].lower(), ALIASES[row[CUSTOMER]] or row[CUSTOMER]))
            cells["TOTAL QTY"] = str(sum(int(row[size] or 0) for size in SIZES))
            files.setdefault(row[CUSTOMER] if self.rng.random() < 0.8 else "GREYSON", []).append(cells)
        return [self._write(f"list {name}", rows) for name, rows in files.items()]

    def _written(self, column: str, text: str) -> str:
        if not text or column in {"UNIT OF MEASURE", "ORDER TYPE", CUSTOMER} or self.rng.random() < 0.7:
            return text
        odd = self.rng.choice(INVISIBLE)
        return self.rng.choice((f"{odd}{text}", f"{text}{odd}", text if odd in " \u00a0" else f"{text[:1]}{odd}{text[1:]}"))

    def _write(self, name: str, rows: list[Row]) -> str:
        headers = [*HEADERS[:-1], "XXL", HEADERS[-1]]
        table = [headers, *([row.get(header, "") for header in headers] for row in rows), [""] * (len(headers) - 1) + ["999"]]
        if self.rng.random() < 0.3:
            book = openpyxl.Workbook()
            for line in table:
                book.active.append([int(text) if text.isdecimal() else text or None for text in line])
            book.save(self.place.folder / f"{name}.xlsx")
            return f"{name}.xlsx"
        with (self.place.folder / f"{name}.csv").open(
            "w", newline="", encoding=self.rng.choice(("utf-8", "utf-8-sig"))
        ) as file:
            csv.writer(file).writerows(table)
        return f"{name}.csv"

    # --- hands on the board -----------------------------------------------------------------------------------------------

    def meddle(self) -> str:
        """One of them; its name."""
        item = self.rng.choice([item for group in self.place.sandbox.board_snapshot(ITEMS_BOARD_ID) for item in group.items])
        target, board = f'item_id: "{item.id}"', f'board_id: "{ITEMS_BOARD_ID}"'
        hands = {
            "archive": f"archive_item({target})",
            "delete": f"delete_item({target})",
            "edit": f'change_simple_column_value({board}, {target}, column_id: "{NOTES_COLUMN}", value: "by hand")',
            "rename": f'change_simple_column_value({board}, {target}, column_id: "name", value: "by hand")',
            "number": f'change_simple_column_value({board}, {target}, column_id: "{NUMBER_COLUMN}", value: "A-001")',
        }
        if item.subitems:
            hands["size"] = f'archive_item(item_id: "{item.subitems[0].id}")'
        name = self.rng.choice(list(hands))
        self.place.graphql(f"mutation {{ {hands[name]} {{ id }} }}")
        return name

    # --- a step -----------------------------------------------------------------------------------------------------------

    def run(self, *arguments: str) -> Outcome:
        """A command; what it may not end with is a problem."""
        with mock.patch.object(sys, "argv", ["orders-platform", *arguments]):
            said = captured(cli.main)
        if said.code not in {0, 1} or "Traceback" in said.err:
            self._wrong(f"{arguments} ended with {said.code}: {said.err[-800:]}")
        return said

    def _wrong(self, words: str) -> None:
        self.problems.append(f"step {len(self.steps) - 1} {self.steps[-3:]}: {words}")

    def step(self) -> None:
        """Edits, hands, a load, a sync, and the judgement."""
        is_first = not self.steps
        self.steps.append([] if is_first else [self.edit() for _ in range(self.rng.randint(1, 4))])
        while len(self.rows) < 8:
            self.add()
        is_meddled = not is_first and self.rng.random() < 0.3
        if is_meddled:
            self.steps[-1].append(f"by hand: {self.meddle()}")
        loaded = self.run("load", "--yes", *self.write_files())
        if loaded.code != 0:
            self._wrong(loaded.err)
        self.run("sync", "--execute")
        if is_meddled:
            self.run("verify", "--repair", "--yes")
        self._judge()

    def _judge(self) -> None:
        before = self.place.mutations
        codes = {name: self.run(*name.split()).code for name in ("sync --execute", "status", "verify", "report")}
        if set(codes.values()) != {int(any(self._collisions.values()))}:
            self._wrong(f"exit codes {codes}")
        if self.place.mutations != before:
            self._wrong("a second sync sent something")
        wanted, shown = self._wanted(), self._shown()
        if wanted != shown:
            self._wrong(f"the board lacks {dict(wanted - shown)} and has {dict(shown - wanted)} besides")
        number = self.rng.choice(self.rows)[NUMBER]
        if "No order" in self.run("history", number).out:
            self._wrong(f"history knows nothing of {number}")

    @property
    def _collisions(self) -> dict[tuple[str, ...], bool]:
        """The keys of the list: whether rows of one differ in what is no key, so that they are refused."""
        contents: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
        for row in self.rows:
            key = (row[CUSTOMER], *(fold(row[column]) for column in KEYS))
            contents.setdefault(key, set()).add(tuple(row[column] for column in row if column not in {CUSTOMER, *KEYS}))
        return {key: len(found) > 1 for key, found in contents.items()}

    def _wanted(self) -> Counter[tuple[str, ...]]:
        refused = {key for key, is_refused in self._collisions.items() if is_refused}
        rows = {(row[CUSTOMER], *(fold(row[column]) for column in KEYS)): row for row in self.rows}
        return Counter(self._as_shown(row) for key, row in rows.items() if key not in refused)

    def _as_shown(self, row: Row) -> tuple[str, ...]:
        group = " ".join(filter(None, (self.names[row[CUSTOMER]], row["CUSTOMER SEASON"])))
        sizes = {self.sizes[size]: row[size] for size in SIZES if row[size] and row["ORDER TYPE"] != "CANCELLED"}
        return (
            fold(group),
            fold(row[NUMBER]),
            row["PO NUMBER"],
            row["NOTES"],
            *(f"{size} {sizes[size]}" for size in sorted(sizes)),
        )

    def _shown(self) -> Counter[tuple[str, ...]]:
        """The items of the board, without those of orders that left or that are refused, which stay under the policy `keep`."""
        live = {item for (item,) in self.place.rows("SELECT monday_item_id FROM ORDER_LIST_V2 WHERE removed_at IS NULL")}
        refused = {key[1] for key, is_refused in self._collisions.items() if is_refused}
        found: Counter[tuple[str, ...]] = Counter()
        for group in self.place.sandbox.board_snapshot(ITEMS_BOARD_ID):
            for item in group.items:
                if self.policy == "archive" or item.id in live:
                    quantities = {each.name.removeprefix("Size "): each.values.get(QTY_COLUMN, "") for each in item.subitems}
                    sizes = [f"{size} {quantity}" for size, quantity in sorted(quantities.items()) if quantity not in {"", "0"}]
                    number = fold(item.values.get(NUMBER_COLUMN, ""))
                    shown = fold(group.title), number, item.values.get(PO_COLUMN, ""), item.values.get(NOTES_COLUMN, ""), *sizes
                    if number not in refused or shown in self._wanted():
                        found[shown] += 1
        return found


def walk(seed: int, steps: int, folder: Path, policy: str, tell: Callable[[str], None] = lambda _line: None) -> list[str]:
    """What was wrong; nothing if all was well."""
    sandbox = Sandbox(limits=ROOMY)
    with pytest.MonkeyPatch.context() as patch, running(sandbox) as url:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("ORDERS_DATABASE_URL", f"sqlite:///{folder}/orders.db")
        patch.setenv("MONDAY_API_URL", f"{url}/v2")
        patch.setenv("ORDERS_CONFIG", "")
        patch.chdir(folder)
        made = Walk(seed, Workplace(folder, sandbox, f"{url}/v2"), policy)
        for _ in range(steps):
            made.step()
            tell(f"{made.steps[-1]}")
            if made.problems:
                break
    return made.problems


def main() -> int:
    """0 when all was well."""
    seed, steps = map(int, sys.argv[1:3])
    for policy in ("keep", "archive"):
        with tempfile.TemporaryDirectory() as folder:
            problems = walk(seed, steps, Path(folder), policy, print)
        print(f"seed {seed}, {steps} steps, {policy}:", *(problems or ["all well"]), sep="\n")
        if problems:
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
