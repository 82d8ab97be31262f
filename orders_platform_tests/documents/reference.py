"""The pages of docs/reference that are made from the code: configuration, command line, tables, errors.

python -m orders_platform_tests.documents.reference    writes them anew
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from orders_platform import errors
from orders_platform.cli.main import _HEADINGS, cli
from orders_platform.configuration import Configuration
from orders_platform.settings import _Environment
from orders_platform_tests.testing.workplace import CHECKOUT

FOLDER = CHECKOUT / "docs" / "reference"
MADE = "<!-- Made by `python -m orders_platform_tests.documents.reference`; a test compares it with the code. -->\n"
INTRODUCTIONS = {
    "configuration": f"""# Configuration

{MADE}
One TOML file: `config/order_sync.toml`, or the one that ORDERS_CONFIG names. `[environment.sandbox]`, `[environment.development]` and
`[environment.production]` override the shared part key by key; a list replaces a list. Every problem of the file is named at once, before
anything is read or written. A key that the file does not know is refused.

The file that comes with the platform is the sample of an apparel maker, and the default. *Shipped* is its value, *default* what holds
where a file of yours leaves the key out.

## Environment variables

Read from the environment, else from the file `.env` of the current folder. Secrets are nowhere else. Those with * are needed in
development and production.

""",
    "command_line": f"""# Command line

{MADE}
Exit codes: 0 all done, 1 something failed, differs or waits, 2 wrong usage or configuration, 130 interrupted. Every command is safe to
interrupt and to repeat.

""",
    "tables": f"""# Tables

{MADE}
`orders-platform init-db` makes them, and adds what an older version lacks; `[tables]` names them. What ends in _at is a time in UTC.
The two views for BI tools are in [reports](reports.md), the rights in [SQL Server](../how_to/sql_server.md).

""",
    "errors": f"""# Errors

{MADE}
Every message names the thing, the cause and the next step. The class says how to react. What to do about each message is in the
[runbook](../how_to/runbook.md).

""",
    "codes": """## Codes of orders, sizes and cells

`status` and `history` show them; they are kept in `sync_error_code` and `reject_code`. A cell that has one was left out, and its order went
on; an order or a size that has one is FAILED. Any other code of a FAILED row is monday's own.

""",
    "rejects": """## Codes of rejected rows

The merge does not take the row; with the last two it takes the row without the cell.

""",
}
WIDTH = 100
LONGEST_VALUE = 45
Schema = Mapping[str, Any]


WORDS = {
    "tables.schema": "the schema of all tables; empty for that of the login",
    "board_id": "the number at the end of the board's address",
    "items.columns": "what the board shows, a line a column",
    "source": "the order column that fills it; of several, the first that is not blank",
    "column": "monday's id of the column: its menu shows it, once the developer mode of monday is on",
    "type": "monday's type of the column",
    "labels": "what becomes of a label that the board lacks: it is made; the cell is left out and told; the cell is left out",
    "percents": "`10%` is 10 in this numbers column",
    "order_list.type": "`nvarchar(n)`, `long_text`, `integer`, `decimal(digits, places)` or `date`",
    "headers": "other headers that files have for the column",
    "aliases": "other spellings of the name",
    "unique_keys": "in place of `unique` of `[keys]`",
    "extra_checks": "in place of `extra` of `[keys]`",
    "columns.customer": "names the customer of a row",
    "columns.source_customer": "the customer as its source names it; not compared",
    "columns.file": "the file that a row came from; filled by `load`",
    "columns.order_type": "says whether an order is cancelled",
    "columns.total": "the sum of the sizes, as people typed it",
    "sizes.after": "the sizes begin after this column",
    "sizes.before": "and end before this one",
    "sizes.max_sizes": "more columns than this between the two are refused",
    "sizes.one_size_code": "the code of all `one_size_columns`",
    "sizes.one_size_columns": "spellings of one size; two in one row are added up",
    "cleaning.null_words": "cells that are empty",
    "cleaning.not_available_words": "empty too, in `not_available_columns` and wherever a number is wanted",
    "cleaning.not_available_columns": "where `not_available_words` mean an empty cell",
    "cleaning.date_placeholders": "days that mean an empty cell",
    "cleaning.cancelled": "the order type of an order whose lines go to 0",
    "cleaning.phantom_columns": "a row in which all of them are blank is no order",
    "keys.unique": "the first is the order number; an order number is one order, or several that the other keys tell apart",
    "keys.extra": "tell orders of one number apart",
    "names.group": "of a group",
    "names.item": "of an item",
    "names.subitem": "of a subitem",
    "api_url": "monday's GraphQL endpoint",
    "api_version": "the version of monday's API",
    "may_create_labels": "whether the token may change the board; if not, `labels = create` of a column is refused before anything is sent",
    "automation.switches": "which of them are on or off, by name, whatever `starts_running` says",
    "automation.timezone": "of all times of this section",
}
"""What the keys mean of which neither the file nor the code says it."""


def table(*headers: str, rows: list[tuple[str, ...]]) -> str:
    lines = [headers, ("---",) * len(headers), *rows]
    return (
        "".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |\n" for line in lines)
        + "\n"
    )


# --- configuration -----------------------------------------------------------------------------------------------------


def configuration() -> str:
    file = (CHECKOUT / "config" / "order_sync.toml").read_text(encoding="utf-8")
    shipped, comments = tomllib.loads(file), comments_of(file)
    whole = Configuration.model_json_schema(by_alias=True)
    page = [
        INTRODUCTIONS["configuration"],
        *environment_variables(),
    ]
    told = set[str]()
    for name in whole["properties"]:
        page.append(f"## [{name}]\n\n")
        page += section(whole, name, whole["properties"][name], shipped.get(name, {}), comments, told)
    return "".join(page)


def environment_variables() -> Iterator[str]:
    """From `.env.example`: each variable has its comment above it."""
    example = (CHECKOUT / ".env.example").read_text(encoding="utf-8")
    above = re.findall(r"((?:^#.*\n)+)^([A-Z_]+)=", example, re.MULTILINE)
    told = {name: " ".join(re.sub(r"^#", "", lines, flags=re.MULTILINE).split()) for lines, name in above}
    rows = [(f"`{name}`", told[name]) for name in _Environment.model_fields]
    yield table("variable", "means", rows=rows)


def section(
    whole: Schema, name: str, schema: Schema, shipped: Any, comments: Mapping[str, str], told: set[str]
) -> Iterator[str]:
    """A section of the file: what it is for, and its keys; of the classes it uses, those that were not told yet."""
    here = resolved(whole, schema)
    if name in comments:
        yield f"{sentence(comments[name])}\n\n"
    if "additionalProperties" in here and "properties" not in here:
        here = resolved(whole, here["additionalProperties"])
        here = next((each for each in (resolved(whole, one) for one in here.get("anyOf", ())) if "properties" in each), here)
        yield "Each entry, by its name:\n\n"
        shipped = {}
    if (title := here.get("title", "")) in told:
        first = next(key for key, each in whole["properties"].items() if resolved(whole, each).get("title") == title)
        yield f"The same keys as in `[{first}]`.\n\n"
        return
    told.add(title)
    purpose, attributes = docstring(here.get("description", ""))
    if purpose and name not in comments:
        yield f"{purpose}\n\n"
    needed = set(here.get("required", ()))
    rows = []
    for key, value in here.get("properties", {}).items():
        default = "needed" if key in needed else shown(value.get("default"))
        own = comments.get(f"{name}.{key}") or attributes.get(key) or WORDS.get(key, "")
        meaning = re.sub(r"^\w+( \| \w+)+: ", "", WORDS.get(f"{name}.{key}") or own)  # the words stand beside it
        rows.append(
            (f"`{key}`", kind_of(whole, value), shown(shipped[key]) if key in shipped else "", default, sentence(meaning))
        )
    if any(row[2] for row in rows):
        yield table("key", "is", "shipped", "default", "means", rows=rows)
    else:
        yield table("key", "is", "default", "means", rows=[(*row[:2], *row[3:]) for row in rows])
    for key, value in here.get("properties", {}).items():
        within = resolved(whole, value.get("items", {}))
        if "properties" in within and within["title"] not in told:
            yield f"### Each of `{key}`\n\n"
            yield from section(whole, "", within, {}, comments, told)


def resolved(whole: Schema, schema: Schema) -> Schema:
    reference = schema.get("$ref")
    return (
        {**whole["$defs"][reference.rsplit("/")[-1]], **{k: v for k, v in schema.items() if k != "$ref"}}
        if reference
        else schema
    )


def kind_of(whole: Schema, schema: Schema) -> str:
    here = resolved(whole, schema)
    if "enum" in here:
        return ", ".join(f"`{word}`" for word in here["enum"])
    if "const" in here:
        return f"`{here['const']}`"
    if "anyOf" in here:
        return " or ".join(kind_of(whole, each) for each in here["anyOf"] if each.get("type") != "null")
    if here.get("type") == "array":
        return f"list: {kind_of(whole, here.get('items', {}))}"
    kinds = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`", "object": "table"}
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {here[limit]:g}" for limit, word in limits.items() if limit in here]
    return ", ".join([kinds[here.get("type", "string")], *bounds])


def shown(value: object) -> str:
    """A value as the file writes it; a long one is only in the file."""
    words = {None: "none", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return f"`{words[value]}`" if value is not None else "none"
    written = (
        "[" + ", ".join(f'"{each}"' for each in value) + "]"
        if isinstance(value, list)
        else f'"{value}"'
        if isinstance(value, str)
        else f"{value}"
    )
    return f"`{written}`" if len(written) <= LONGEST_VALUE and not isinstance(value, dict) else "in the file"


def comments_of(file: str) -> dict[str, str]:
    """What the comments of the file say of a section or a key. One that begins with three blanks goes on from the key before."""
    found: dict[str, str] = {}
    section, last = "", ""
    for line in file.partition("\n[environment.")[0].splitlines():
        bare = re.sub(r'"[^"]*"', lambda text: "x" * len(text[0]), line)
        comment = line[bare.index("#") + 1 :] if "#" in bare else ""
        if head := re.match(r"\[(\w+)\]", line):
            section = last = head[1]
        elif key := re.match(r"(\w+) *=", line):
            last, before = f"{section}.{key[1]}", last
            if comment.startswith("  ") and before:
                found[before] += " " + comment.strip()
                found[last] = f"see `{before.split('.')[-1]}`"
                continue
        if comment.strip() and last and not comment.strip().startswith("---"):
            found[last] = f"{found.get(last, '')} {comment.strip()}".strip()
    return found


def docstring(text: str) -> tuple[str, dict[str, str]]:
    """The first paragraph, and what `Attributes:` says of each."""
    purpose = " ".join(text.partition("\n\n")[0].split())
    attributes = inspect.cleandoc(text.partition("Attributes:\n")[2])
    return purpose, {name: " ".join(words.split()) for name, words in re.findall(r"^(\w+): (.*(?:\n .*)*)", attributes, re.M)}


def sentence(text: str) -> str:
    first = text[:1] if text.startswith("monday") else text[:1].upper()
    return first + text[1:] + ("" if not text or text[-1] in ".:?" else ".")


# --- command line ------------------------------------------------------------------------------------------------------


def command_line() -> str:
    page = [
        INTRODUCTIONS["command_line"],
        help_of("orders-platform", cli),
    ]
    for heading, names in _HEADINGS.items():
        page.append(f"## {heading}\n\n")
        for name in names:
            command = cli.commands[name]
            parts = command.commands.items() if isinstance(command, click.Group) else ()
            for full, each in [(f"{name} {part}", each) for part, each in parts] or [(name, command)]:
                page += [f"### {full}\n\n", help_of(f"orders-platform {full}", each)]
    return "".join(page)


def help_of(name: str, command: click.Command) -> str:
    context = click.Context(
        command, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    return "```text\n" + "\n".join(lines) + "\n```\n\n"


# --- tables ------------------------------------------------------------------------------------------------------------

MEANINGS = {
    "customers.merge_number": "the number of the last merge",
    "order_key": "the values of the key columns, as reports show them",
    "row_hash": "SHA-256 of every column of the order list but those that say where a row came from",
    "size_code": "the size; in the rejects the column of a cell, and empty for a whole row",
    "customer_name": "the customer",
    "reject_code": "the reason as a word: [errors](errors.md)",
    "reason": "the reason as a sentence",
    "sources": "what its rows name as their file, as JSON",
    "cell_text": "the text of a cell that was left out",
    "row_uuid": "the order or line that was sent without the cell",
    "row_json": "not filled any more",
    "row_count": "how many rows",
    "first_seen_at": "when it was first seen",
    "last_seen_at": "when it was last seen",
    "resolved_at": "when the load no longer held it",
    "batch_id": "the batch",
    "run_id": "the run",
    "operation": "the mutation, or `read` for what a stage read",
    "call_count": "HTTP calls",
    "rate_limited_count": "answers over a limit",
    "complexity": "points that monday counted",
    "seconds": "how long it took",
    "outcome": "what came of it",
    "request_id": "monday's id of the request, for monday's support",
    "error_message": "what monday said",
    "row_results": "JSON: monday's id or the outcome, by our id of each row",
    "logged_at": "when it was logged",
    "load_id": "the load of one file",
    "file_name": "the file",
    "content_hash": "hash of its bytes",
    "sheet_count": "sheets that were read",
    "loaded_at": "when it was loaded or refused",
    "fingerprint": "content hash of the load that was merged last",
    "sizes_number": "the merge whose sizes were staged last",
    "lines_number": "the merge whose lines were merged last",
    "rows_read": "staged rows at the last merge",
    "missing_orders": "orders that the load lacked",
    "missing_kept": "of these, those that a guard kept",
    "order_count": "orders after the last merge",
    "row_hash_rule": "by which rule rows are hashed",
    "unsettled_orders": "orders and rows that wait for the merge of another customer",
    "paused_at": "since when the customer is paused",
    "merged_at": "when the load was merged last",
    "groups_sent_at": "when a group was last sent",
    "groups_sent_uptime": "the same by the clock of the machine",
    "groups_batch_id": "the batch of that group",
    "guards": "JSON: the guards that acted on the load",
    "board_differences": "differences found at the last comparison with the board",
    "board_missing": "missing orders among them",
    "items_board_id": "the board of the items that were sent",
    "subitems_board_id": "the board of the subitems that were sent",
    "items_mapping": "hash of the mapping that was sent",
    "subitems_mapping": "hash of the mapping of subitems that was sent",
}
"""Of the columns of which the template of the table does not say it."""

TYPES = {
    "uuid": "UUID",
    "moment": "time, UTC",
    "date": "day",
    "integer": "integer",
    "bigint": "integer of 64 bits",
    "long_text": "text",
}
ROLES = ("staging", "orders", "staged_lines", "lines", "rejects", "log", "customers", "loads")


def tables() -> str:
    names = tomllib.loads((CHECKOUT / "config" / "order_sync.toml").read_text(encoding="utf-8"))["tables"]
    page = [INTRODUCTIONS["tables"]]
    for role in ROLES:
        text = (CHECKOUT / "sql" / "tables" / f"{role}.sql.j2").read_text(encoding="utf-8")
        text = text.replace(
            '{% include "tables/sync_columns.sql.j2" %}', (CHECKOUT / "sql/tables/sync_columns.sql.j2").read_text("utf-8")
        )
        purpose = " ".join(re.match(r"\{#- (.*?) -#\}", text, re.DOTALL)[1].split())  # type: ignore[index]
        columns = re.findall(r'column\("(\w+)", (\w+)\(([^)]*)\)(?:, "(.*?)")?\)', text)
        assert len(columns) == len(re.findall(r'column\("', text)), f"{role}: a column is written in another way"
        rows = [
            (f"`{name}`", typed(kind, sizes), words or MEANINGS.get(f"{role}.{name}", MEANINGS.get(name, "")))
            for name, kind, sizes, words in columns
        ]
        both = " The columns of the order list, and:" if "business_columns" in text or "order_list" in text else ""
        page += [f"## {names[role]}\n\n{purpose}{both}\n\n", table("column", "type", "means", rows=rows)]
    return "".join(page)


def typed(kind: str, sizes: str) -> str:
    if kind in {"nvarchar", "code"}:
        return f"text, {sizes}"
    return f"decimal, {sizes}" if kind == "decimal" else TYPES[kind]


# --- errors ------------------------------------------------------------------------------------------------------------

CODES = {
    "number_expected": "a number column, and the cell is no number",
    "number_out_of_range": "the number is too large or too small",
    "percent_unexpected": "a per cent, in a column of amounts",
    "date_expected": "a date column, and the cell is no date",
    "checkbox_expected": "neither yes nor no",
    "text_too_long": "longer than the board's column holds; cut, or left out by `long_texts`",
    "text_invalid": "a character that monday does not take",
    "type_unknown": "a value of a type that no column holds",
    "label_missing": "the board lacks the label, and `labels` is `reject`",
    "label_deactivated": "the label is deactivated on the board",
    "label_ambiguous": "several labels of the board fit",
    "label_numeric": "a number, which monday would take for the position of a label",
    "label_too_long": "longer than a label may be",
    "too_many_labels": "the column has as many labels as monday allows",
    "key_missing": "the order has no value for `external_key`, by which its item is found again",
    "gave_up": "sent `max_tries` times, and monday gave no outcome",
}
REJECTS = {
    "unknown_customer": "no customer of `[customers]` has the name, or the name is blank",
    "unsure_customer": "the order left several customers, so nobody can tell whose it is",
    "duplicate_key": "several rows have the key and differ",
    "missing_key": "a key column is blank",
    "name_empty": "the name of the item or group would be empty",
    "phantom": "none of `phantom_columns` is filled: a total, or nothing",
    "total": "TOTAL, SUM or the like for an order number; or no order number, and such a word elsewhere, or some words alone",
    "repeated_header": "the headers of the file once more",
    "bad_quantity": "a size that is no whole number of pieces; its line keeps what it had",
    "bad_number": "a number column that holds a word; the cell is left out",
}


def error_tree() -> Iterator[tuple[int, type[Exception]]]:
    def below(cls: type[Exception], depth: int) -> Iterator[tuple[int, type[Exception]]]:
        yield depth, cls
        for child in cls.__subclasses__():
            if child.__module__ == errors.__name__:
                yield from below(child, depth + 1)

    yield from below(errors.OrdersError, 0)


def error_pages() -> str:
    def reaction(cls: type[Exception]) -> str:
        if issubclass(cls, errors.ConfigurationError):
            return "stop; exit code 2"
        if issubclass(cls, errors.PermanentError):
            return "stop until a person acts; exit code 1"
        if issubclass(cls, errors.TransientError):
            return "repeat later; exit code 1"
        return "leave out the row, go on" if issubclass(cls, errors.RowError) else "that of its class below"

    rows = [
        (f"{'· ' * depth}`{cls.__name__}`", " ".join((cls.__doc__ or "").partition("\n\n")[0].split()), reaction(cls))
        for depth, cls in error_tree()
    ]
    return "".join(
        [
            INTRODUCTIONS["errors"],
            table("class", "means", "reaction", rows=rows),
            INTRODUCTIONS["codes"],
            table("code", "means", rows=[(f"`{code}`", words) for code, words in CODES.items()]),
            INTRODUCTIONS["rejects"],
            table("code", "means", rows=[(f"`{code}`", words) for code, words in REJECTS.items()]),
        ]
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "command_line.md": command_line,
    "tables.md": tables,
    "errors.md": error_pages,
}


if __name__ == "__main__":
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make().rstrip("\n") + "\n", encoding="utf-8")
