"""What a run would change, written down one customer after the other, so that no more than one customer's changes are held at once."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from orders_platform.cli.output import Spool
from orders_platform.domain.differences import RowChange, change_counts, counts_in_words
from orders_platform.reports.rendering import Links, changes_page, changes_section, changes_text


class ShownChanges:
    """Takes the changes of each customer.

    Attributes:
        counts: of all.
        as_json: an object with the orders of each customer, where it is wanted.
    """

    def __init__(self, links: Links, *, as_json: bool, as_page: bool) -> None:
        self.counts, self._links, self._texts = change_counts(()), links, list[str]()
        self.as_json, self._sections = Spool() if as_json else None, Spool() if as_page else None

    def close(self) -> None:
        """Let go of what is kept in files."""
        for spool in (self.as_json, self._sections):
            if spool:
                spool.close()

    def take(self, customer: str, orders: Sequence[RowChange]) -> None:
        """The orders of one more customer."""
        self.counts.update(change_counts(orders))
        if orders:
            self._texts.append(changes_text(customer, orders))
        if self.as_json:
            self.as_json.write_member(customer, orders)
        if self._sections and orders:
            self._sections.write(changes_section(customer, orders, self._links))

    @property
    def text(self) -> str:
        """For a terminal: the first orders of each customer."""
        return "".join([*self._texts, f"\nA run would change: {counts_in_words(self.counts)}"])

    def page(self, stays: Sequence[str], made_at: datetime) -> Iterator[str]:
        """As a page, in pieces; `stays` are sentences on what a run leaves."""
        return changes_page(self._sections.pieces() if self._sections else (), stays, self.counts, made_at, self._links)
