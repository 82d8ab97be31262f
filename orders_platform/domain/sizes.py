"""Which columns are sizes, and what a size is called.

Sizes are discovered, never listed: they are the columns strictly between two markers. A staging table whose markers are
absent or in the wrong place once gave 277 "sizes", so the set must be plausible before a line is written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orders_platform.domain.text import counted, few
from orders_platform.errors import SourceDataError


@dataclass(frozen=True, slots=True)
class SizeRule:
    """How sizes are found. `one_size_columns` are spellings of one idea and become `one_size_code`, added up."""

    after: str
    before: str
    max_sizes: int
    one_size_code: str
    one_size_columns: tuple[str, ...]

    def size_code(self, column: str) -> str:
        one_size = {name.casefold() for name in self.one_size_columns}
        return self.one_size_code if column.casefold() in one_size else column


def discover_sizes(table: str, columns: Sequence[str], rule: SizeRule, business_columns: Collection[str]) -> tuple[str, ...]:
    """The size columns of a table, in table order; `columns` are all that it has, in order.

    Raises `SourceDataError` when a marker is absent, the markers are in the wrong order, there are none or too many columns between them,
    or one of the known `business_columns` is among them.
    """
    missing = [marker for marker in (rule.after, rule.before) if marker not in columns]
    if missing:
        raise SourceDataError(
            f"{table} has no column {' and no column '.join(map(repr, missing))}, between which the sizes stand. "
            "Nothing was read. Correct the load, or the markers in [sizes] of the configuration."
        )
    start, end = columns.index(rule.after), columns.index(rule.before)
    if end < start:
        raise SourceDataError(
            f"{table} has {rule.before!r} (column {end + 1}) before {rule.after!r} (column {start + 1}): the sizes cannot be told "
            "from other columns. Nothing was read. Correct the column order of the load."
        )
    sizes = tuple(columns[start + 1 : end])
    place = f"between {rule.after!r} and {rule.before!r} of {table}"
    foreign = [name for name in sizes if name in business_columns]
    if foreign:
        raise SourceDataError(
            f"{len(sizes)} columns stand {place}, but {len(foreign)} of them are no sizes: {_some(foreign)}. Nothing was read. "
            "Correct the column order of the load."
        )
    if not sizes:
        raise SourceDataError(f"No column stands {place}: there are no sizes. Nothing was read. Correct the load.")
    if len(sizes) > rule.max_sizes:
        raise SourceDataError(
            f"{len(sizes)} columns stand {place}, more than [sizes] max_sizes = {rule.max_sizes}. Nothing was read. "
            "Correct the load, or raise max_sizes if they are all sizes."
        )
    return sizes


def require_known_sizes(staged: Iterable[str], target: Mapping[str, bool], target_table: str) -> None:
    """Refuse sizes for which the order table has no numeric column, so that no quantity is dropped on the way.

    `target` says of each column of the order table whether it is numeric. Raises `SourceDataError` that names the others.
    """
    unknown = [name for name in staged if name not in target]
    if unknown:
        raise SourceDataError(
            f"{target_table} has no column for {counted(len(unknown), 'staged size')}: {_some(unknown)}. Nothing was written, so that no "
            "quantity is lost. Run `orders-platform init-db`, which adds them."
        )
    text = [name for name in staged if not target[name]]
    if text:
        raise SourceDataError(
            f"{counted(len(text), 'size column is', 'size columns are')} "
            f"not numeric in {target_table}: {_some(text)}. Nothing was written. Correct "
            "their type, or the markers in [sizes] of the configuration."
        )


def _some(names: Sequence[str]) -> str:
    return few([*map(repr, names)], 8)
