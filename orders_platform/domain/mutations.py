"""What is sent to monday.com, and what came of it, as values.

A mutation changes one thing, a batch is one HTTP request of aliased mutations, and each mutation has a result. What is asked is counted as
monday counts it: a call over a limit is a tenth of a call.
"""

import enum
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self


class Operation(enum.StrEnum):
    """The mutations we send; the value is the name of the file in `graphql/` and of monday's root field."""

    CREATE_GROUP = "create_group"
    UPDATE_GROUP = "update_group"
    CREATE_ITEM = "create_item"
    CREATE_SUBITEM = "create_subitem"
    CHANGE_VALUES = "change_multiple_column_values"
    MOVE_ITEM = "move_item_to_group"
    ARCHIVE_ITEM = "archive_item"
    CREATE_BOARD = "create_board"
    CREATE_COLUMN = "create_column"
    UPDATE_DROPDOWN = "update_dropdown_column"
    UPDATE_STATUS = "update_status_column"

    @property
    def creates(self) -> bool:
        """True when sending it twice would make two things; the others may be repeated freely."""
        return self in _CREATES


_CREATES = frozenset(operation for operation in Operation if operation.name.startswith("CREATE_"))
_NAMES = {Operation.CREATE_GROUP: "group_id", Operation.UPDATE_GROUP: "group_id", Operation.CREATE_COLUMN: "id",
          Operation.UPDATE_DROPDOWN: "id", Operation.UPDATE_STATUS: "id"}  # fmt: skip
"""Where a word and no number is the id, and by which argument it is asked for."""


def is_item_id(text: str) -> bool:
    """True for a number that monday may mean, written as the database will give it back: 0077 would be the 77 of another row."""
    return text.isascii() and text.isdigit() and len(text) <= 19 and text[0] != "0" and int(text) < 2**63


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change."""

    ref: str  # the caller's name for it (a record_uuid, a line_uuid, a group title); results are returned under it
    # arguments of the root field under monday's names, e.g. `board_id`, `item_name`, `column_values` (a JSON *string*, as
    # monday wants it), `create_labels_if_missing`.
    variables: Mapping[str, object]
    tries: int = 0  # how often it was sent before and nothing came of it; the more, the fewer others travel with it

    def may_have(self, monday_id: str, operation: Operation) -> bool:
        """True for an id that this may have come back with: a change names what it was to change."""
        if operation in _NAMES:
            return 0 < len(monday_id) <= 100 and monday_id == self.variables.get(_NAMES[operation], monday_id)
        return is_item_id(monday_id) and monday_id == str(self.variables.get("item_id", monday_id))


@dataclass(frozen=True, slots=True)
class Batch:
    """One request: `mutations` of one `operation` under one idempotency `key` (also the batch id in the database)."""

    key: str
    operation: Operation
    mutations: tuple[Mutation, ...]


class Outcome(enum.StrEnum):
    """What happened to one mutation."""

    DONE = "done"  # with monday's id, as a string: group ids are not numbers
    REFUSED = "refused"  # monday surely did not do it, code and message say why
    UNKNOWN = "unknown"  # it may have happened
    NOT_SENT = "not_sent"  # it surely did not, through no fault of the row


_NO_ANSWER = frozenset({Outcome.NOT_SENT.value, "unreachable", "timeout", "connection_lost", "too_long"})


def is_monday_code(code: str | None) -> bool:
    """True for a code that monday itself gave for a mutation; not for the network's, a gateway's, or ours for "not sent"."""
    return code is not None and code not in _NO_ANSWER and not code.startswith("HTTP_")


@dataclass(frozen=True, slots=True)
class MutationResult:
    """What happened to one mutation."""

    outcome: Outcome
    monday_id: str | None = None
    code: str | None = None
    message: str | None = None
    # it was refused because the item, its parent or its group was archived, deleted or never was
    not_found: bool = False


LIMITED_CALL = 0.1  # part of a daily call that a rate-limited request counts as (monday's page on rate limits)


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Requests to monday, counted."""

    calls: int = 0  # HTTP requests, repeats included; `rate_limited` of their answers said that a limit was hit
    rate_limited: int = 0
    mutations_sent: int = 0  # aliased mutations in those requests that reached monday
    complexity: int = 0  # points spent, as far as monday said
    seconds: float = 0.0  # from sending to the answer; for a batch from the first request to the last answer, waits included


@dataclass(slots=True)
class BatchReport(Traffic):
    """What came of one batch, after all repeats, and the requests that it took."""

    batch: Batch
    results: dict[str, MutationResult]  # by `Mutation.ref`; in the end every mutation of the batch has one
    request_id: str | None = None  # of the last answer, for monday's support
    error: str | None = None  # what went wrong with the batch as a whole, None when it was executed

    @property
    def created_ids(self) -> list[str]:
        found = (result.monday_id for result in self.results.values()) if self.batch.operation.creates else ()
        return [each for each in found if each is not None]

    def without(self, taken: Collection[str]) -> Self:
        """The same, but a creation is of unknown outcome when its id is taken, or stands for two: monday cannot mean it."""
        times = Counter([*self.created_ids, *taken])
        odd = {
            ref: MutationResult(
                Outcome.UNKNOWN, code="id_of_another", message=f"monday.com answered with the id {each} of another"
            )
            for ref, result in self.results.items()
            if (each := result.monday_id) is not None and self.batch.operation.creates and times[each] > 1
        }
        return replace(self, results={**self.results, **odd}) if odd else self


@dataclass(frozen=True, slots=True)
class MondayUsage:
    """What all our runs asked of monday lately, from the log."""

    calls: int = 0  # since midnight UTC, when monday's count of the day starts anew; `limited_today` of them were over a limit
    limited_today: int = 0
    rate_limited: int = 0  # answers of the last 24 hours that said that a limit was hit
    rate_limited_at: datetime | None = None  # the last of them, UTC

    @property
    def calls_today(self) -> float:
        """How much of the day's calls they take."""
        return self.calls - self.limited_today * (1 - LIMITED_CALL)
