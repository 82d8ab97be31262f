"""What a run would change, kept in a file while it is found, so that no more than one customer's changes are held at once."""

import pickle
from collections.abc import Iterator
from itertools import islice
from tempfile import TemporaryFile

from orders_platform.cli.output import LongList
from orders_platform.domain.differences import OrderChanges, RowChange, change_counts, counts_in_words
from orders_platform.reports.rendering import changes_text


class ShownChanges(dict[str, LongList[RowChange]]):
    """The changed orders by customer, read back whenever they are asked for, where they are kept; `counts` are of all."""

    def __init__(self, *, is_kept: bool) -> None:
        self.counts, self._texts, self._lengths = change_counts(()), list[str](), dict[str, int]()
        self._file = TemporaryFile() if is_kept else None  # noqa: SIM115 - `close` closes it

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()

    def take(self, customer: str, changes: OrderChanges) -> None:
        """The orders of one more customer."""
        orders, counts = list(changes.orders.values()), changes.counts
        self.counts.update(counts)
        if orders:
            self._texts.append(changes_text(customer, orders, counts))
        if self._file:
            self._lengths[customer] = len(orders)
            for order in orders:
                pickle.dump(order, self._file)

    def __len__(self) -> int:
        return len(self._lengths)

    def items(self) -> Iterator[tuple[str, LongList[RowChange]]]:  # type: ignore[override]
        """One customer's after another's."""
        if self._file:
            self._file.seek(0)
            every = iter(lambda: pickle.load(self._file), None)  # type: ignore[arg-type]  # noqa: S301 - written above
            for customer, length in self._lengths.items():
                yield customer, LongList(islice(every, length), length)

    @property
    def text(self) -> str:
        """For a terminal: the first orders of each customer."""
        return "".join([*self._texts, f"\nA run would change: {counts_in_words(self.counts)}"])
