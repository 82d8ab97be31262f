"""What the configuration and the catalogue say about a merge: business columns, how each is read, sizes, keys."""

import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

from markupsafe import Markup

from orders_platform.configuration import Configuration
from orders_platform.database.dialects import ColumnTypes, Family, TableColumn
from orders_platform.database.schema import Schema
from orders_platform.domain.cell_texts import PLACEHOLDER_DATES
from orders_platform.domain.mapping import ColumnType
from orders_platform.domain.sizes import discover_sizes, require_known_sizes
from orders_platform.errors import SourceDataError

_RULES_VERSION = 6
"""Raise it when the code changes what a merge makes of the same load: every load then counts as changed once."""

_ROW_HASH_VERSION = 3
"""Raise it when the code changes the hash of the same row: the stored orders are then hashed anew, and none of them counts as changed."""


@dataclass(frozen=True, slots=True)
class BusinessColumn:
    """A column that both the staging table and the order table have."""

    name: str  # its name
    kind: str  # what its cells become
    reader: str  # how their texts are read, as `domain/cell_texts.py` says
    null_words: frozenset[str]  # which words mean that a cell is blank
    type: Markup  # of the order table's column
    position: int  # in the order table
    staged: Family = "text"  # what the staging table's column holds
    # the characters that the order table's column holds at most; 0 without a limit, or for other things than text
    length: int = 0
    is_cut: bool = False  # whether a longer text is cut, and not left out


class MergeRules:
    """The context of the merge templates, from the configuration and the columns that are really there.

    Raises `SourceDataError`: a table, marker or configured column is absent, or the sizes are not plausible.
    """

    def __init__(self, configuration: Configuration, schema: Schema, types: ColumnTypes) -> None:
        self._configuration = configuration
        self._types = types
        self._is_hashed = schema.has_staged_hashes
        self._hashes: dict[Hashable, str] = {}
        tables = (configuration.tables.staging, configuration.tables.orders)
        self._staged, self._merged = ({column.name: column for column in schema.columns_of(table)} for table in tables)
        self._staged_ddl, self._merged_ddl = (dict(schema.definitions[role].columns) for role in ("staging", "orders"))

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """The size columns of the staging table, plausible and known to the order table."""
        names = self._configuration.tables
        sizes = discover_sizes(names.staging, list(self._staged), self._configuration.sizes, self._never_sizes())
        require_known_sizes(sizes, {name: column.is_numeric for name, column in self._merged.items()}, names.orders)
        return sizes

    def _never_sizes(self) -> set[str]:
        """The names that our own DDL has outside the markers."""
        columns, rule = list(self._staged_ddl), self._configuration.sizes
        if rule.after not in columns or rule.before not in columns:
            return set()  # other markers than our own DDL has: nothing to compare with
        start, end = columns.index(rule.after), columns.index(rule.before)
        return set(columns[: start + 1]) | set(columns[end:])

    @cached_property
    def business(self) -> tuple[BusinessColumn, ...]:
        """The columns that are merged, in table order."""
        own = self._merged_ddl.keys() - self._configuration.order_list.keys()
        if absent := [f"{place} names {name!r}" for place, name in self._configured_columns() if name not in self._staged]:
            raise SourceDataError(
                f"{self._configuration.tables.staging} lacks {len(absent)} configured columns: {'; '.join(absent)}. Nothing was read. "
                "Correct the configuration, or load a list that has them."
            )
        return tuple(
            self._business_column(column, self._staged[name].family, position)
            for position, (name, column) in enumerate(self._merged.items())
            if name in self._staged and name not in own
        )

    def _business_column(self, column: TableColumn, staged: Family, position: int) -> BusinessColumn:
        # A column that our DDL does not know is a new size or a new text.
        unknown = self._types["integer"]() if column.is_numeric else self._types["long_text"]()
        type_ = column.type or self._merged_ddl.get(column.name, unknown)
        shown_as = next((field.type for field in self._configuration.items.fields if column.name in field.sources), None)
        kind, cleaning = self._kind(column), self._configuration.cleaning
        is_number = kind in {"number", "whole_number", "quantity"}
        if kind == "date" or shown_as is ColumnType.DATE:
            words: tuple[str, ...] = (*cleaning.null_words, *cleaning.date_placeholders, *PLACEHOLDER_DATES)
        elif is_number or shown_as is ColumnType.NUMBERS or column.name in cleaning.not_available_columns:
            words = (*cleaning.null_words, *cleaning.not_available_words)
        else:
            words = cleaning.null_words
        if is_number:
            reader = "percent" if column.name in self._percents else "number"
        elif kind == "date":
            reader = "date"
        else:
            reader = "lines" if shown_as is ColumnType.LONG_TEXT and column.name not in self._identifying else "text"
        is_cut = self._configuration.items.long_texts == "cut" and column.name not in self._unique_keys
        return BusinessColumn(column.name, kind, reader, frozenset(words), type_, position, staged, column.length, is_cut)

    @cached_property
    def _percents(self) -> set[str]:
        """The columns whose numbers are per cents: their name or the mapping says so."""
        mapped = {name for each in self._configuration.items.fields if each.takes_percents for name in each.sources}
        return mapped | {name for name in self._merged if "%" in name}

    @cached_property
    def _unique_keys(self) -> set[str]:
        """The columns that identify an order, of whatever customer: half an order number is none."""
        entries = self._configuration.customers.values()
        return {*self._configuration.keys.unique, *(name for entry in entries for name in entry.unique_keys or ())}

    @cached_property
    def _identifying(self) -> set[str]:
        """The columns of which keys and names are made, which are one line."""
        return {name for place, name in self._configured_columns() if place.startswith(("[keys]", "[names]", "[customers]"))}

    def _configured_columns(self) -> list[tuple[str, str]]:
        c = self._configuration
        found = [("[columns]", name) for name in c.columns.model_dump().values()]
        found += [("[keys]", name) for name in (*c.keys.unique, *c.keys.extra)]
        for customer, entry in c.customers.items():
            found += [(f"[customers] {customer}", name) for name in (*(entry.unique_keys or ()), *(entry.extra_checks or ()))]
        found += [("[names]", name) for part in (*c.names.group, *c.names.item) for name in part]
        found += [("[cleaning]", name) for name in (*c.cleaning.phantom_columns, *c.cleaning.not_available_columns)]
        return found + [("[items] columns", name) for name in c.mapped_sources]

    @cached_property
    def _named_kinds(self) -> Mapping[str, str]:
        """The kinds of columns that are known by their names."""
        names = self._configuration.columns
        kinds = {names.customer: "customer", names.source_customer: "source_customer", names.order_type: "order_type"}
        return {**kinds, **dict.fromkeys(self.sizes, "quantity")}

    def _kind(self, column: TableColumn) -> str:
        if column.name in self._named_kinds:
            return self._named_kinds[column.name]
        declared = self._merged_ddl.get(column.name)
        if declared == self._types["date"]() or column.family == "moment":
            return "date"
        if declared == self._types["integer"]():
            return "whole_number"
        return "number" if column.is_numeric else "text"

    def bookkeeping(self, customer: str) -> list[str]:
        """The columns that say where a row came from, and do not make it what it is: no keys, nor shown on the board."""
        keys, names = self._configuration.keys_of(customer), self._configuration.columns
        counted = {*keys.unique, *keys.extra, *self._configuration.mapped_sources}
        return sorted({names.file, names.source_customer} - counted)

    def row_hash_rule(self, customer: str) -> str:
        """A short value that changes whenever the same order would get another row hash."""
        without = self.bookkeeping(customer)
        hashed = (column for column in self.business if column.name not in without)
        return self._hash_of(tuple(without), lambda: [_ROW_HASH_VERSION, [(each.name, str(each.type)) for each in hashed]])

    def _hash_of(self, name: Hashable, facts: Callable[[], object]) -> str:
        """A short value for facts, made once for each name."""
        if name not in self._hashes:
            self._hashes[name] = hashlib.sha256(json.dumps(facts(), sort_keys=True, default=str).encode()).hexdigest()[:16]
        return self._hashes[name]

    def context(self, customer: str) -> dict[str, object]:
        """What the merge templates need for one customer."""
        keys = self._configuration.keys_of(customer)
        return {
            "business": self.business,
            "is_hashed": self._is_hashed,
            "sizes": [column for column in self.business if column.kind == "quantity"],
            "bookkeeping": self.bookkeeping(customer),
            "unique_keys": list(keys.unique),
            "extra_keys": list(keys.extra),
            "phantom_columns": self._configuration.cleaning.phantom_columns,
        }

    @cached_property
    def watched(self) -> tuple[tuple[str, ...], ...]:
        """The columns that the board shows, each with those that stand in for it where it is blank."""
        merged = {column.name for column in self.business}
        found = (tuple(name for name in field.sources if name in merged) for field in self._configuration.items.fields)
        return tuple(sources for sources in found if sources)

    def configuration_hash(self, customer: str) -> str:
        """A short value that changes whenever the same load would be merged differently."""
        c, keys = self._configuration, self._configuration.keys_of(customer)

        def facts() -> list[object]:
            columns = [{name: getattr(column, name) for name in column.__slots__} | {"null_words": sorted(column.null_words), "staged": ""}
                       for column in self.business]  # fmt: skip
            return [_RULES_VERSION, c.cleaning.model_dump(), c.names.model_dump(), asdict(c.sizes), keys.model_dump(),
                    c.columns.model_dump(), c.items.long_texts, c.policies.removed_orders,
                    [asdict(rule) for rule in c.guard_rules.values()], self.watched, columns]  # fmt: skip

        return self._hash_of(keys, facts)
