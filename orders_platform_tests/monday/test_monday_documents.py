"""GraphQL text: aliased batches, and what is wrong with a document said in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

from orders_platform.domain.mutations import Mutation, Operation
from orders_platform.errors import ConfigurationError
from orders_platform.monday.documents import Documents

GRAPHQL = Path(__file__).parents[2] / "graphql"
READS = {
    "board": {"board_ids": ["1"]},
    "items_by_ids": {"ids": ["1"], "columns": ["text"]},
    "subitems_of": {"ids": ["1"]},
    "items_by_column_values": {"board_id": "1", "columns": [], "value_columns": [], "limit": 1},
    "next_items_page": {"cursor": "c", "columns": [], "limit": 1},
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((GRAPHQL / "schema.graphql").read_text(encoding="utf-8"))


def mutations(count: int) -> list[Mutation]:
    return [Mutation(f"row {n}", {}) for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, 25])
@pytest.mark.parametrize("operation", list(Operation))
def test_a_batch_of_any_size_is_valid(operation: Operation, count: int, schema: GraphQLSchema) -> None:
    request = Documents(GRAPHQL).batch(operation, mutations(count))
    assert validate(schema, parse(request.query)) == []
    assert request.aliases == tuple(f"m{n}" for n in range(count))
    operation_node = parse(request.query).definitions[0]
    assert isinstance(operation_node, OperationDefinitionNode)
    assert len(operation_node.selection_set.selections) == count + 1  # and complexity


@pytest.mark.parametrize("operation", READS)
def test_a_read_is_valid_and_asks_for_its_cost(operation: str, schema: GraphQLSchema) -> None:
    request = Documents(GRAPHQL).read(operation, READS[operation])
    assert validate(schema, parse(request.query)) == []
    assert "complexity" in request.query


def test_the_variables_of_each_mutation_have_its_alias_in_front() -> None:
    request = Documents(GRAPHQL).batch(
        "create_item",
        [
            Mutation("a", {"board_id": 1, "item_name": "first"}),
            Mutation("b", {"board_id": 1, "item_name": "second", "group_id": "g"}),
        ],
    )
    assert request.variables == {
        "m0_board_id": 1,
        "m0_item_name": "first",
        "m1_board_id": 1,
        "m1_item_name": "second",
        "m1_group_id": "g",
    }
    assert "$m1_group_id: String" in request.query
    assert "group_id: $m1_group_id" in request.query


def test_making_a_batch_leaves_the_next_one_alone() -> None:
    documents = Documents(GRAPHQL)
    first = documents.batch("create_item", mutations(2)).query
    documents.batch("create_item", mutations(3))
    assert documents.batch("create_item", mutations(2)).query == first


def test_a_variable_that_the_document_does_not_have_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"create_item.graphql does not declare \$colour"):
        Documents(GRAPHQL).batch("create_item", [Mutation("a", {"colour": "red"})])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "cannot be read"),
        ("mutation {", "Syntax Error"),
        ("query A { a } query B { b }", "exactly one operation"),
        ("fragment F on Item { id }", "exactly one operation"),
        ("mutation M($board_id: ID!) { create_group(board_id: $board_id) { id } }", "one root field create_item"),
        ("mutation M { create_item { id } create_item { id } }", "one root field create_item"),
        ("query Q { create_item { id } }", "a mutation is needed"),
    ],
)
def test_a_document_of_another_shape_is_refused(tmp_path: Path, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / "create_item.graphql").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        Documents(tmp_path).batch("create_item", mutations(1))


def test_a_mutation_is_not_read() -> None:
    with pytest.raises(ConfigurationError, match="a query is needed"):
        Documents(GRAPHQL).read("create_item", {})
