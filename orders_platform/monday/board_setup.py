"""Making a board fit a mapping: the board itself, its columns, the board of subitems, and labels.

Each thing is looked for before it is made, by id or by title and type, and after an answer that does not say what happened it is looked
for again once the request is surely over; so to stop and to repeat it makes nothing twice.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from orders_platform.domain.board import BoardDescription, Column
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.mutations import Mutation, MutationResult, Operation, Outcome
from orders_platform.domain.preflight import absent_labels, board_problems, new_column, new_labels, place_fields, title_of
from orders_platform.domain.text import fold
from orders_platform.errors import BoardMismatchError, ConfigurationError, MondayUnavailableError
from orders_platform.monday.adapter import MondayBoard

Keep = Callable[[str, int, Mapping[str, str]], None]
"""Called with `items` or `subitems`, the id of the board, and the id of each column by the one that the mapping gives."""

_AGAIN = "run the command again"


@dataclass
class BoardSetup:
    """What was made of a board, what was there, and what is left to a person. With `dry` nothing is made, and `made` is what would be."""

    items: BoardMapping
    subitems: BoardMapping
    board: MondayBoard
    settle_seconds: float
    dry: bool = False
    sleep: Callable[[float], None] = time.sleep
    made: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    found: int = 0
    board_id: int = 0
    is_incomplete: bool = False

    def run(self, board_id: int, new: str | None, values: Mapping[str, Iterable[str]], keep: Keep) -> None:
        """Make the board where a name is given, its columns, the board of subitems and its columns, and the labels."""
        self.board_id = self._board_named(new) if new else board_id
        if not self.board_id and not (new and self.dry):
            raise ConfigurationError(
                "No board is named. Name one that exists, by the number at the end of its address: --board ID; or make one: --new NAME."
            )
        items = self.board.describe(self.board_id) if self.board_id else BoardDescription(0, new or "", (), ())
        if items.hierarchy_type != "classic":
            raise BoardMismatchError(*board_problems(BoardMapping(items.id, ()), items))
        keep("items", items.id, {})
        items = self._with_columns("items", self.items, items, keep)
        if items.subitems_board_id is None:
            column = {"board_id": str(items.id), "title": "Subitems", "column_type": "subtasks"}
            made = self._do("the board of subitems", Operation.CREATE_COLUMN, Mutation("subitems", column))
            reason = f" ({made.code}: {made.message})" if made.code else ""
            items = items if self.dry else self.board.describe(items.id)
        if items.subitems_board_id is not None:
            self._with_columns("subitems", self.subitems, self.board.describe(items.subitems_board_id), keep)
        elif self.dry:
            self._with_columns("subitems", self.subitems, BoardDescription(0, "", (), ()), keep)
        else:
            self._leave(f"board {items.id} shows no board of subitems yet{reason}; {_AGAIN}")
        self.make_labels(self.items, items, values)

    def make_labels(self, mapping: BoardMapping, board: BoardDescription, values: Mapping[str, Iterable[str]]) -> None:
        """Make the labels that the platform does not make by itself, and the values have."""
        for absent in absent_labels(mapping, place_fields(mapping, board.columns), values):
            texts, reasons = absent.makable()
            for reason in reasons:
                self._leave(reason)
            if texts:
                found = {} if self.dry else self.board.column_settings(board.id, [absent.column.id])
                operation, mutation = new_labels(board.id, absent, found.get(absent.column.id, {}), texts)
                what = f"{len(texts)} labels of {absent.column.title}: {', '.join(texts)}"
                result = self._do(what, operation, mutation)
                if result.outcome is not Outcome.DONE:
                    self._leave(f"not made for certain: {what} ({result.code}: {result.message}); {_AGAIN}")

    def _board_named(self, name: str) -> int:
        """The empty board of that name, made where there is none; 0 in a dry run that would make it."""
        for _ in range(2):
            alike = [(board, items) for board, named, items in self.board.boards() if fold(named) == fold(name)]
            if len(alike) == 1 and not alike[0][1]:
                return alike[0][0]
            if alike:
                raise ConfigurationError(
                    f"There is a board {name!r} already ({', '.join(str(board) for board, _ in alike)}). Take it with --board ID, or "
                    "choose another name."
                )
            made = self._do(f"board {name}", Operation.CREATE_BOARD, Mutation(name, {"board_name": name}))
            if self.dry:
                return 0
            if made.monday_id and self.board.describe(int(made.monday_id)).name == name:
                self.steps.append(f"board {name!r} is private to the owner of the token: share it with those who are to see it")
                return int(made.monday_id)
            self.sleep(self.settle_seconds)
        raise MondayUnavailableError(f"monday.com did not make the board {name!r} ({made.code}: {made.message}); {_AGAIN}")

    def _with_columns(self, section: str, mapping: BoardMapping, board: BoardDescription, keep: Keep) -> BoardDescription:
        """Make the columns that the board lacks, and keep the id of each by the one that the mapping gives."""
        columns, said = board.columns, dict[str, MutationResult]()
        self.found += len(place_fields(mapping, columns))
        for with_id in (True, False):  # an id that monday will not have is left to it
            there = place_fields(mapping, columns)
            missing = [each for each in mapping.fields if each.column_id not in there]
            for each in missing:
                of = " of subitems" if mapping.external_key is None else ""
                mutation = new_column(board.id, each, with_id=with_id)
                said[each.column_id] = self._do(f"column {title_of(each)} ({each.type}){of}", Operation.CREATE_COLUMN, mutation)
            if self.dry:
                columns += tuple(Column(each.column_id, title_of(each), each.type.value) for each in missing)
            elif missing:
                columns = self._shown(mapping, board.id)
        there = place_fields(mapping, columns)
        for each in mapping.fields:
            if each.column_id not in there:
                result = said[each.column_id]
                self._leave(f"column {title_of(each)} was not made ({result.code}: {result.message}); {_AGAIN}")
        ids = {name: column.id for name, column in there.items()}
        fields = tuple(replace(each, column_id=ids[each.column_id]) for each in mapping.fields if each.column_id in ids)
        board = replace(board, columns=columns)
        for problem in board_problems(BoardMapping(board.id, fields), board):
            self._leave(f"{problem}; correct the type there or in the configuration, then {_AGAIN}")
        keep(section, board.id, ids)
        return board

    def _shown(self, mapping: BoardMapping, board_id: int) -> tuple[Column, ...]:
        """What the board shows of what was sent, when all is there, or else when no request can be under way any more."""
        columns = self.board.describe(board_id).columns
        if len(place_fields(mapping, columns)) < len(mapping.fields):
            self.sleep(self.settle_seconds)
            columns = self.board.describe(board_id).columns
        return columns

    def _do(self, what: str, operation: Operation, mutation: Mutation) -> MutationResult:
        result = MutationResult(Outcome.DONE)
        if not self.dry:
            # the key of the same wish is the same in every process: repeated after a stop, monday answers it from memory
            facts = json.dumps([operation, mutation.variables], sort_keys=True)
            key = str(uuid.uuid5(uuid.NAMESPACE_URL, facts))
            (report,) = self.board.send(operation, [mutation], new_key=lambda: key)
            result = report.results[mutation.ref]
        if result.outcome is Outcome.DONE and what not in self.made:
            self.made.append(what)
        return result

    def _leave(self, step: str) -> None:
        self.steps.append(step)
        self.is_incomplete = True
