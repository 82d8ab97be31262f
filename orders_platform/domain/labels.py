"""Labels of status and dropdown columns: which one a text means, and what happens when there is none.

monday.com takes one `create_labels_if_missing` flag per mutation, for all of its columns. So that a column with the policy
`reject` never gets a label by accident, every text is looked up here first, and a known label is sent by its id.
"""

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from orders_platform.domain.board import Column, Label
from orders_platform.domain.mapping import ColumnType, Field, LabelPolicy
from orders_platform.domain.text import clean, fold
from orders_platform.errors import RowError

# monday's page on the status column: 40 labels (one per colour) of at most 30 characters.
STATUS_LABELS: Final = 40
STATUS_LABEL_CHARACTERS: Final = 30
# Not published; the order board's STYLE dropdown refused its 501st label.
DROPDOWN_LABELS: Final = 500

_NEAREST: Final = 5
_COMPARED_CHARACTERS: Final = 80
_folded = lru_cache(4_096)(fold)
_NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


class _ColumnLabels:
    """The labels of one column, indexed for one lookup per cell."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self.labels = tuple(labels)
        self.asked_for: dict[str, str] = {}
        self._exact: dict[str, Label] = {}
        self._alike: dict[str, list[Label]] = {}
        self._deactivated: dict[str, Label] = {}
        self._missing: dict[str, str] = {}
        for label in self.labels:
            if label.is_deactivated:
                self._deactivated.setdefault(fold(label.name), label)
            else:
                self._exact.setdefault(label.name, label)
                self._alike.setdefault(fold(label.name), []).append(label)

    def find(self, text: str) -> Label | str | None:
        """The active label, the name of one that was asked for, None when the column knows nothing like it."""
        if exact := self._exact.get(text):
            return exact
        folded = _folded(text)
        alike = self._alike.get(folded, [])
        if len(alike) > 1:
            names = ", ".join(repr(label.name) for label in alike[:_NEAREST])
            reason = f"could be any of the labels {names}; write it exactly, or merge them on the board"
            raise RowError("label_ambiguous", reason)
        if alike:
            return alike[0]
        if folded in self._deactivated:
            raise RowError("label_deactivated", "is a deactivated label; activate it on the board or correct the order")
        return self.asked_for.get(folded)

    def missing(self, text: str) -> RowError:
        """The refusal of a text under the policy `reject`, with the labels that come nearest."""
        short = fold(text)[:_COMPARED_CHARACTERS]
        # Comparing with hundreds of labels takes milliseconds, and the same wrong text comes in many rows.
        if short not in self._missing:
            self._missing[short] = self._nearest(short)
        reason = f"is not a label on the board ({self._missing[short]}); add it there or correct the order"
        return RowError("label_missing", reason)

    def _nearest(self, short: str) -> str:
        names = {fold(name)[:_COMPARED_CHARACTERS]: name for name in self._exact if name.strip()}
        if not names:
            return "the column has no active label"
        near = difflib.get_close_matches(short, names, n=_NEAREST, cutoff=0.5)
        return "nearest: " + ", ".join(repr(names[name]) for name in near) if near else "none of its labels is near"

    def new(self, column_type: ColumnType, text: str) -> str:
        """The name of a label for monday to create, if the column can take one more."""
        name = clean(text)
        is_status = column_type is ColumnType.STATUS
        if is_status and len(name) > STATUS_LABEL_CHARACTERS:
            reason = f"has {len(name)} characters, a status label holds {STATUS_LABEL_CHARACTERS}; shorten it"
            raise RowError("label_too_long", reason)
        if is_status and _NUMERIC.fullmatch(name):
            reason = "would be read by monday as the number of a label, not as a new one; add the label on the board by hand"
            raise RowError("label_numeric", reason)
        most = STATUS_LABELS if is_status else DROPDOWN_LABELS
        # Deactivated labels keep their id and colour, so they count.
        if len(self.labels) + len(self.asked_for) >= most:
            reason = f"is no label yet and the column is full ({most} labels, deactivated ones included); make room there"
            raise RowError("too_many_labels", reason)
        return name


class LabelIndex:
    """The labels of a board during one run: those read from it and those this run asks monday to create.

    A label asked for earlier in the run counts against the column's limit, fixes the spelling, and still has no id: the mutation
    that was to create it may be in flight or may have been refused, so every mutation that uses it must be able to create it.
    One label_index serves one board in one thread.
    """

    def __init__(self) -> None:
        self._by_column: dict[str, _ColumnLabels] = {}

    def choose(self, field: Field, column: Column, text: str) -> Label | str | None:
        """The label for a text that is not blank, the name of one for monday to create, or None by the policy `blank`; changes nothing.

        Exact spelling wins, then the only active label that differs in case and spaces alone. Raises `RowError`: `label_missing`,
        `label_deactivated`, `label_ambiguous`; for a label to be created also `label_too_long`, `label_numeric`, `too_many_labels`.
        """
        column_labels = self._column_labels(column)
        known = column_labels.find(text)
        if known is not None:
            return known
        match field.labels:
            case LabelPolicy.BLANK:
                return None
            case LabelPolicy.REJECT:
                raise column_labels.missing(text)
            case LabelPolicy.CREATE:
                return column_labels.new(field.type, text)

    def add(self, column: Column, name: str) -> None:
        """Note that a mutation of this run asks monday to create the label."""
        self._column_labels(column).asked_for.setdefault(fold(name), name)

    def _column_labels(self, column: Column) -> _ColumnLabels:
        if column.id not in self._by_column:
            self._by_column[column.id] = _ColumnLabels(column.labels)
        return self._by_column[column.id]
