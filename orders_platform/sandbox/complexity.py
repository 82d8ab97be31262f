"""What a document costs in complexity points.

monday publishes the cost of `create_item` only (30,000 and one a field); the rest is a guess that has its place here. Belongs
here: counting. Does not belong here: what the points are charged to (`limits.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

_MUTATIONS = {"create_item": 30_000, "create_subitem": 30_000, "complexity": 0}
_LIST_SIZES = {
    "boards": 25,
    "items": 25,
    "items_page": 25,
    "items_page_by_column_values": 25,
    "next_items_page": 25,
    "column_values": 50,
    "columns": 50,
    "groups": 20,
    "subitems": 10,
}


@dataclass(frozen=True, slots=True)
class Costs:
    """The price list.

    Attributes:
        mutations: points by root field; `mutation` for every other one.
        list_sizes: rows assumed for a list that says neither `limit` nor `ids`.
    """

    mutation: int = 10_000
    mutations: Mapping[str, int] = field(default_factory=lambda: _MUTATIONS)
    list_sizes: Mapping[str, int] = field(default_factory=lambda: _LIST_SIZES)

    @classmethod
    def of_2025(cls) -> Costs:
        """As monday's best practices still have it: a third for a new item."""
        return cls(mutations={**_MUTATIONS, "create_item": 10_000, "create_subitem": 10_000})


class Estimate:
    """The cost of one operation with its variables, before it is executed.

    Args:
        document: where the fragments are.
        variables: of the request.
        costs: the price list.
    """

    def __init__(self, document: DocumentNode, variables: Mapping[str, object], costs: Costs) -> None:
        self._variables = variables
        self._costs = costs
        self._fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    def points(self, operation: OperationDefinitionNode) -> int:
        """Points of the whole operation: each field one, lists times their size, mutations their price."""
        if operation.operation.value != "mutation":
            return sum(self._read(node, at_root=True) for node in self._fields(operation.selection_set))
        return sum(self._mutation(node) for node in self._fields(operation.selection_set))

    def _mutation(self, node: FieldNode) -> int:
        price = self._costs.mutations.get(node.name.value, self._costs.mutation)
        return price + self._selection(node.selection_set)

    def _selection(self, selections: SelectionSetNode | None) -> int:
        return sum(self._read(node) for node in self._fields(selections))

    def _read(self, node: FieldNode, *, at_root: bool = False) -> int:
        # The items of a page are counted with the page; only the root field of that name is a list of its own.
        rows = 1 if node.name.value == "items" and not at_root else self._rows(node)
        return 1 + self._selection(node.selection_set) * rows

    def _rows(self, node: FieldNode) -> int:
        arguments = {argument.name.value: argument.value for argument in node.arguments}
        if "ids" in arguments:
            ids = self._value(arguments["ids"])
            if ids is not None:
                return len(ids) if isinstance(ids, list) else 1
        limit = self._value(arguments["limit"]) if "limit" in arguments else None
        return limit if isinstance(limit, int) else self._costs.list_sizes.get(node.name.value, 1)

    def _value(self, node: ValueNode) -> object:
        """The value of an argument; only the length of a list matters, so its members stay as they are."""
        if isinstance(node, ListValueNode):
            return list(node.values)
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value)
        return int(node.value) if isinstance(node, IntValueNode) else getattr(node, "value", None)

    def _fields(self, selections: SelectionSetNode | None) -> list[FieldNode]:
        return fields_of(selections, self._fragments)


def fields_of(selections: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode]) -> list[FieldNode]:
    """The fields of a selection, those of its fragments included."""
    found: list[FieldNode] = []
    for node in selections.selections if selections else ():
        if isinstance(node, FieldNode):
            found.append(node)
        elif isinstance(node, InlineFragmentNode):
            found += fields_of(node.selection_set, fragments)
        elif isinstance(node, FragmentSpreadNode):
            found += fields_of(fragments[node.name.value].selection_set, fragments)
    return found
