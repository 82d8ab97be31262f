"""Whose row it is: raw spellings to canonical customers, and customers to Dagster partition keys.

A partition key is user input and a customer name is hostile (B'HOOD, commas, parentheses), so both pass through one function
each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import unquote

from orders_platform.domain.text import clean, fold
from orders_platform.errors import ConfigurationError, SourceDataError

MAX_PARTITION_KEY = 64  # longer keys break the table printer of `dagster job backfill` and are cut in the UI
UNKNOWN_CUSTOMER = "unknown_customer"  # the code of staged rows that match no configured customer
_TOTALS = {f"{of}{word}" for of in ("", "grand ", "sub ", "sub-", "sub") for word in ("total", "totals")}
TOTALS = frozenset(f"{word}{end}" for word in _TOTALS | {"sum", "summe", "gesamt", "gesamtsumme"} for end in ("", ":"))
"""What a row of totals says, folded, where an order has its number, customer or name."""

UNMATCHED_NO_ORDER = "no_order"  # the code of those of them that are no orders, such as a repeated header


@dataclass(frozen=True, slots=True)
class SpellingCount:
    """Rows of the staging table that share a raw customer name and a file."""

    spelling: str | None
    file: str | None
    rows: int
    has_orders: bool = True  # one of them at least is an order, and no total or empty row
    reason: str = ""  # why they match no configured customer

    @property
    def label(self) -> str:
        """Under whose name they are listed among the rejects."""
        return _unlisted(self.spelling) or blank_label(self.file)


@dataclass(frozen=True, slots=True)
class CustomerRows:
    """Which staging rows are a customer's: those with one of `spellings`, and blank ones from `files`."""

    spellings: tuple[str, ...] = ()
    blank_spellings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    rows: int = 0
    takes_rows_without_file: bool = False  # blank ones that name no file too; only ever so for rows that match no customer

    def holds(self, spelling: str | None, file: str | None) -> bool:
        is_blank = spelling is None or spelling in self.blank_spellings
        return spelling in self.spellings or (is_blank and file in self.files)

    @classmethod
    def of(cls, counts: Iterable[SpellingCount]) -> Self:
        every = list(counts)
        spellings = sorted({each.spelling for each in every if each.spelling is not None})
        files = {each.file for each in every if not fold(each.spelling or "")}
        return cls(
            tuple(filter(fold, spellings)),
            tuple(spelling for spelling in spellings if not fold(spelling)),
            tuple(sorted(file for file in files if file is not None)),
            sum(each.rows for each in every),
            takes_rows_without_file=None in files,
        )


@dataclass(frozen=True, slots=True)
class StagingScan:
    """Whose rows the staging table holds: `customers` by canonical name, `unmatched` rows with their reason."""

    customers: Mapping[str, CustomerRows] = field(default_factory=dict)
    unmatched: tuple[SpellingCount, ...] = ()

    @property
    def rows(self) -> int:
        return sum(c.rows for c in self.customers.values()) + sum(u.rows for u in self.unmatched)

    def owner_of(self, spelling: str | None, file: str | None) -> str | None:
        return next((name for name, rows in self.customers.items() if rows.holds(spelling, file)), None)

    @property
    def unmatched_by_label(self) -> dict[str, tuple[CustomerRows, str]]:
        """The unmatched rows under each label, with a reason; spellings that differ only in spaces share a label."""
        found: dict[str, list[SpellingCount]] = {}
        for entry in self.unmatched:
            found.setdefault(entry.label, []).append(entry)
        return {label: (CustomerRows.of(entries), entries[0].reason) for label, entries in found.items()}


def blank_label(file: str | None) -> str:
    """Under which name rows of a file are listed whose customer is blank."""
    return f"(blank in {file or 'no file'})"


class CustomerNames:
    """Resolves spellings by the configured canonical names and their aliases, by the fold of `domain/text.py`.

    A cell that says what the column is called (`header`) is a repeated header. With `accept_unknown` a name that is not configured is a
    customer too. Raises `ConfigurationError` when two customers share a spelling.
    """

    def __init__(self, aliases: Mapping[str, Iterable[str]], *, header: str = "", accept_unknown: bool = False) -> None:
        self._header = fold(header)
        self._accept_unknown = accept_unknown
        self._canonical: dict[str, str] = {}
        for name, others in aliases.items():
            for spelling in (name, *others):
                owner = self._canonical.setdefault(fold(spelling), name)
                if owner != name:
                    raise ConfigurationError(
                        f"[customers] {spelling!r} is given to both {owner!r} and {name!r}; give it to one."
                    )

    def resolve(self, spelling: str | None) -> str | None:
        """The canonical name, or None for a blank or unknown spelling."""
        folded = fold(spelling or "")
        if not folded:
            return None
        return self._canonical.get(folded) or (_unlisted(spelling) if self._accept_unknown else None)

    def is_configured(self, spelling: str | None) -> bool:
        return fold(spelling or "") in self._canonical

    def scan(self, counts: Iterable[SpellingCount]) -> StagingScan:
        """Assign every staging row to a customer or to a reason.

        A blank name takes its file's customer if that file names just one, and that one is configured.
        """
        counts = list(counts)
        in_file: dict[str, set[str]] = {}
        for count in counts:
            written = _unlisted(count.spelling)
            if written and count.file and self._names_somebody(count):
                in_file.setdefault(count.file, set()).add(self.resolve(count.spelling) or written)
        found: dict[str, list[SpellingCount]] = {}
        unmatched: list[SpellingCount] = []
        for count in counts:
            name = self.resolve(count.spelling) if self._names_somebody(count) else None
            owners = in_file.get(count.file or "", set())
            if name is None and not fold(count.spelling or "") and len(owners) == 1:
                name = self.resolve(next(iter(owners)))
            if name is None:
                unmatched.append(replace(count, reason=self._reason(count, owners)))
            else:
                found.setdefault(name, []).append(count)
        return StagingScan({name: CustomerRows.of(found[name]) for name in sorted(found)}, tuple(unmatched))

    def _names_somebody(self, count: SpellingCount) -> bool:
        """Not a repeated header; and a name that only totals and empty rows have is a customer's only where it is configured."""
        is_header = fold(count.spelling or "") == self._header
        return self.is_configured(count.spelling) or (not is_header and count.has_orders)

    def _reason(self, count: SpellingCount, owners: set[str]) -> str:
        folded = fold(count.spelling or "")
        if folded and folded == self._header:
            return "the row repeats the headers of its file and is no order: delete it from the order list"
        if not count.has_orders:
            return "the row is a total or empty and no order: delete it from the order list"
        if folded:
            return (
                f"customer {count.spelling!r} is not in [customers] of the configuration: add it, or add the spelling to a customer's "
                "aliases"
            )
        if not count.file:
            return "customer is blank and the row names no file: fill in the customer"
        held = f"{len(owners)} customers" if len(owners) > 1 else "no known customer"
        named = f" ({', '.join(sorted(owners))})" if owners else ""
        return f"customer is blank and its file {count.file!r} holds {held}{named}: fill in the customer"


def _unlisted(spelling: str | None) -> str:
    """The one name of a customer that is not configured: in capitals, since SQL Server takes 'Acme' and 'ACME' for the same."""
    return clean(spelling or "").upper()


def partition_key_for(customer: str) -> str:
    """The Dagster partition key of a customer: its name, with only what breaks Dagster's tools percent-encoded.

    `,` splits lists on the command line, `...` is a range, `%` is our own escape. Raises `SourceDataError` for a name that is empty or
    makes a key longer than `MAX_PARTITION_KEY`.
    """
    name = clean(customer)
    key = name.replace("%", "%25").replace(",", "%2C").replace("...", "%2E%2E%2E")
    if not key:
        raise SourceDataError("A customer needs a name; this one is blank. Fill in the column of customers.")
    if len(key) > MAX_PARTITION_KEY:
        raise SourceDataError(
            f"Customer {customer!r} makes a partition key of {len(key)} characters, more than {MAX_PARTITION_KEY}; "
            "give it a shorter canonical name in [customers]."
        )
    return key


def customer_for(partition_key: str) -> str:
    """The customer's name back from `partition_key_for`."""
    return unquote(partition_key)
