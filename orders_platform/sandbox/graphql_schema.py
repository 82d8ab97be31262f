"""The executable schema: `graphql/schema.graphql` with the resolvers bound to it. Documents are parsed, priced and executed here.

monday publishes the price of `create_item` only, 30,000 points and one a field; all other prices are a guess.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

from graphql import (
    DocumentNode,
    ExecutionContext,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    assert_valid_schema,
    build_schema,
    execute_sync,
    parse,
    validate,
    value_from_ast_untyped,
)

from orders_platform.sandbox import board_mutations, item_mutations
from orders_platform.sandbox.answers import Refusal, bad_value
from orders_platform.sandbox.cells import VALUE_FIELDS, VALUE_TYPES, ColumnValue
from orders_platform.sandbox.column_labels import labels_of
from orders_platform.sandbox.gate import MOST_DEPTH, MOST_TOKENS
from orders_platform.sandbox.query_resolvers import FIELDS, QUERIES, Resolver, complexity
from orders_platform.sandbox.resolver_context import Context, context_of
from orders_platform.sandbox.sandbox_options import PriceList
from orders_platform.sandbox.state import ColumnRow

_LOG = logging.getLogger(__name__)
_DOCUMENTS_KEPT = 512
_LISTS_KEPT = 64

_MUTATIONS: dict[str, Resolver] = {
    name: getattr(module, name)
    for module, names in {
        item_mutations: (
            "create_item", "create_subitem", "change_multiple_column_values", "change_simple_column_value", "change_column_value",
            "move_item_to_group", "move_item_to_board", "duplicate_item", "change_item_position", "archive_item", "delete_item",
        ),
        board_mutations: (
            "create_board", "archive_board", "delete_board", "create_column", "change_column_title", "delete_column",
            "update_dropdown_column", "update_status_column",
            "create_group", "update_group", "archive_group", "delete_group",
        ),
    }.items()
    for name in names
}  # fmt: skip


# Rows assumed for a list that says neither `limit` nor `ids`.
_LIST_SIZES = {
    "boards": 25, "items": 25, "items_page": 25, "items_page_by_column_values": 25, "next_items_page": 25, "column_values": 50,
    "columns": 50, "groups": 20, "subitems": 10,
}  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A parsed document.

    Attributes:
        operation: the one that will be executed; None when the text is wrong, then `errors` says why.
    """

    document: DocumentNode | None
    operation: OperationDefinitionNode | None
    errors: tuple[GraphQLError, ...] = ()

    @property
    def is_mutation(self) -> bool:
        """Whether it changes anything."""
        return self.operation is not None and self.operation.operation.value == "mutation"

    @cached_property
    def roots(self) -> Sequence[FieldNode]:
        """The root fields, those of fragments included; none of a wrong text."""
        return self._fields(self.operation.selection_set if self.operation else None)

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """Alias to root field, empty for a wrong text."""
        return {(node.alias or node.name).value: node.name.value for node in self.roots}

    def points(self, variables: dict[str, object], prices: PriceList) -> int:
        """Complexity points of the whole operation: each field one, lists times their size, mutations their price."""
        known: dict[int, int] = {}
        if self.is_mutation:
            prices_of_roots = (prices.mutations.get(node.name.value, prices.mutation) for node in self.roots)
            return sum(prices_of_roots) + sum(self._points_below(node, variables, known) for node in self.roots)
        return sum(1 + self._points_below(node, variables, known) * _rows(node, variables) for node in self.roots)

    def _points_below(self, node: FieldNode, variables: dict[str, object], known: dict[int, int]) -> int:
        # Once for each field of the text: fragments inside fragments would count it in twice as many places with each.
        if id(node) not in known:
            # The items of a page are counted with the page; only the root field of that name is a list of its own.
            known[id(node)] = sum(
                1 + self._points_below(each, variables, known) * (1 if each.name.value == "items" else _rows(each, variables))
                for each in self._fields(node.selection_set)
            )
        return known[id(node)]

    @cached_property
    def depth(self) -> int:
        """How many fields stand inside each other at most."""
        known: dict[int, int] = {}

        def below(node: FieldNode) -> int:
            if id(node) not in known:
                known[id(node)] = 1 + max(map(below, self._fields(node.selection_set)), default=0)
            return known[id(node)]

        return max(map(below, self.roots), default=0)

    @cached_property
    def _fragments(self) -> Mapping[str, FragmentDefinitionNode]:
        definitions = self.document.definitions if self.document else ()
        return {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}

    def _fields(self, selections: SelectionSetNode | None, spread: set[str] | None = None) -> list[FieldNode]:
        """The fields of a selection, those of its fragments included, each fragment once."""
        found: list[FieldNode] = []
        spread = set() if spread is None else spread
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                found.append(node)
            elif isinstance(node, InlineFragmentNode):
                found += self._fields(node.selection_set, spread)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                found += self._fields(self._fragments[node.name.value].selection_set, spread)
        return found


def arguments_of(node: FieldNode, variables: dict[str, object]) -> dict[str, object]:
    """The arguments of a field as plain values; a variable that was not given is left out."""
    values = {each.name.value: value_from_ast_untyped(each.value, variables) for each in node.arguments}
    return {name: value for name, value in values.items() if value is not Undefined}


def _rows(node: FieldNode, variables: dict[str, object]) -> int:
    arguments = arguments_of(node, variables)
    ids, limit = arguments.get("ids"), arguments.get("limit")
    if ids is not None:
        return len(ids) if isinstance(ids, list) else 1
    return limit if isinstance(limit, int) else _LIST_SIZES.get(node.name.value, 1)


class _Execution(ExecutionContext):
    """Remembers how columns were shown: each run begins with all of a board's, hundreds of fields, which hardly ever change."""

    shown: ClassVar[dict[Hashable, Any]] = {}

    def complete_list_value(self, return_type: Any, field_nodes: Any, info: Any, path: Any, result: Any) -> Any:
        """What graphql-core makes of a list; of columns by all that it depends on: what is asked, the columns, their labels."""
        if not (result and isinstance(result, list) and isinstance(result[0], ColumnRow)) or info.fragments:
            return super().complete_list_value(return_type, field_nodes, info, path, result)
        labels = (labels_of(info.context.state, column) for column in result)
        key = (*field_nodes, repr(info.variable_values), *result, *labels)
        if (shown := self.shown.get(key)) is None:
            if len(self.shown) >= _LISTS_KEPT:
                self.shown.clear()
            self.shown[key] = shown = super().complete_list_value(return_type, field_nodes, info, path, result)
        return shown


class ExecutableSchema:
    """Our subset of monday's schema, ready to execute."""

    def __init__(self, path: Path) -> None:
        self._schema = _bound(path.read_text(encoding="utf-8"))
        self.prepare = lru_cache(maxsize=_DOCUMENTS_KEPT)(self._prepare)

    def _prepare(self, query: str, operation_name: str | None = None) -> Prepared:
        try:
            prepared = self._validated(query, operation_name)
            too_deep = prepared.depth > MOST_DEPTH
        except RecursionError:
            too_deep = True
        if too_deep:
            message = f"Query exceeds the depth of {MOST_DEPTH}"
            return Prepared(None, None, (GraphQLError(message, extensions={"code": "maxDepthExceeded"}),))
        return prepared

    def _validated(self, query: str, operation_name: str | None) -> Prepared:
        try:
            document = parse(query, max_tokens=MOST_TOKENS)
        except GraphQLError as error:
            return Prepared(None, None, (GraphQLError(f"Parse error on {error.message}", extensions={"code": "PARSE_ERROR"}),))
        errors = tuple(
            GraphQLError(error.message, error.nodes, extensions={"code": "GRAPHQL_VALIDATION_FAILED"})
            for error in validate(self._schema, document)
        )
        operation = _operation(document, operation_name)
        if errors or operation is None:
            return Prepared(
                None, None, errors or (GraphQLError("Unknown or missing operation name", extensions={"code": "Bad request"}),)
            )
        return Prepared(document, operation)

    def execute(self, prepared: Prepared, variables: dict[str, object], context: Context) -> ExecutionResult:
        """Runs a document whose text is right; top-level mutations one after the other."""
        if prepared.document is None or prepared.operation is None:
            raise ValueError("only a document without errors can be executed")
        name = prepared.operation.name.value if prepared.operation.name else None
        with context.state.lock:
            return execute_sync(
                self._schema, prepared.document, context_value=context, variable_values=variables, operation_name=name,
                execution_context_class=_Execution,
            )  # fmt: skip


@cache
def schema_at(path: Path) -> ExecutableSchema:
    """The schema of a file, read once for all sandboxes of a process."""
    return ExecutableSchema(path)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is None:
        return found[0] if len(found) == 1 else None
    return next((node for node in found if node.name and node.name.value == name), None)


def _bound(text: str) -> GraphQLSchema:
    schema = build_schema(text)
    assert_valid_schema(schema)
    _bind(schema, "Query", QUERIES)
    _bind(
        schema, "Mutation", {**{name: _mutation(resolver) for name, resolver in _MUTATIONS.items()}, "complexity": complexity}
    )
    for type_name, resolvers in (FIELDS | VALUE_FIELDS).items():
        _bind(schema, type_name, resolvers)
    kinds = schema.type_map["ColumnValue"]
    if isinstance(kinds, GraphQLInterfaceType):
        kinds.resolve_type = _kind
    return schema


def _bind(schema: GraphQLSchema, type_name: str, resolvers: Mapping[str, Resolver]) -> None:
    graphql_type = schema.type_map[type_name]
    if isinstance(graphql_type, GraphQLObjectType):
        for name, resolver in resolvers.items():
            graphql_type.fields[name].resolve = resolver


def _kind(value: ColumnValue, _info: GraphQLResolveInfo, _type: GraphQLAbstractType) -> str:
    return VALUE_TYPES.get(value.type, "UnsupportedValue")


_ANY_COLUMN = ColumnRow(0, "sandbox", "Sandbox", None, "text", "{}")


class _Unreadable:
    """What a mutation made, when none of its fields can be read."""

    def __getattr__(self, name: str) -> object:
        raise Refusal("INTERNAL_SERVER_ERROR", f"Internal server error while reading {name}")


def _mutation(resolver: Resolver) -> Resolver:
    """Runs the change of a mutation inside a transaction, unless a fault refuses this alias."""

    def resolve(_root: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        context = context_of(info)
        if context.refused_alias == info.path.key:
            raise bad_value(_ANY_COLUMN, "", "This value was refused by a fault of the sandbox")
        if info.field_name == "create_board":
            context.meter.spend_board()
        with context.state.transaction():
            made = resolver(context.state, **arguments)
        return _Unreadable() if context.broken_alias == info.path.key else made

    return resolve


@cache
def _say_once(words: str) -> None:
    _LOG.error(words)


def described(error: GraphQLError) -> dict[str, object]:
    """An error as monday shows it; a defect of the sandbox becomes monday's internal error and is logged, a full disk in one line."""
    shown = dict(error.formatted)
    if isinstance(error.original_error, sqlite3.OperationalError):
        words = f"The sandbox cannot write its boards: {error.message}. Make room on its disk; nothing of this call was kept."
        _say_once(words)
        return {**shown, "message": words, "extensions": {"code": "INTERNAL_SERVER_ERROR", "status_code": 500}}
    if error.original_error is not None and not isinstance(error.original_error, Refusal | GraphQLError):
        _LOG.error("the sandbox failed: %s", error.message, exc_info=error.original_error)
        return {
            **shown,
            "message": "Internal server error",
            "extensions": {"code": "INTERNAL_SERVER_ERROR", "status_code": 500},
        }
    shown.setdefault("extensions", {"code": "GRAPHQL_VALIDATION_FAILED"})
    return shown
