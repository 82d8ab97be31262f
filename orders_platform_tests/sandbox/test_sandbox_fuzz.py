"""Whatever a client sends, the sandbox answers as monday would: with data or a refusal, never with an error of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    is_leaf_type,
)
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.cli.embedded import ROOMY
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID, SUBITEMS_BOARD_ID
from orders_platform.sandbox.in_process import InProcess
from orders_platform.sandbox.server import SANDBOX_TOKEN, Sandbox
from orders_platform.settings import default_folder
from orders_platform_tests.sandbox.conftest import CREATE

SCHEMA = build_schema((default_folder("graphql") / "schema.graphql").read_text(encoding="utf-8"))
COLUMNS = ["text_mkr5wya6", "dropdown_mkr5rgs6", "status", "numeric_mkra7j8e", "name", "nothing"]
KEYS = [*COLUMNS, "ids", "labels", "index", "date", "url", ""]

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20),
    st.sampled_from(["", "0", "-1", "9" * 19, "1e5", "２", "\x00", "\ud7ff", "x" * 3_000, str(ITEMS_BOARD_ID), "1", "2", "topics"]),
)  # fmt: skip
VALUES = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner)
)  # fmt: skip
IDS = st.sampled_from([str(ITEMS_BOARD_ID), str(SUBITEMS_BOARD_ID), *map(str, range(1, 9))]) | ODD.map(str)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    sandbox = Sandbox(limits=ROOMY, clock=lambda: 1_800_000_000.0, seed=1)
    with httpx.Client(
        transport=InProcess(sandbox), base_url="http://localhost", headers={"Authorization": SANDBOX_TOKEN}
    ) as http:
        for number in range(3):
            http.post("/v2", json={"query": CREATE, "variables": {"board": ITEMS_BOARD_ID, "name": f"I {number}"}})
        yield http
    sandbox.close()


def require_answer(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v2", content=body)
    assert answer.status_code in {200, 400, 429}, (answer.text[:500], body[:2_000])
    assert "INTERNAL_SERVER_ERROR" not in answer.text, (answer.text[:500], body[:2_000])


def arguments(kind: GraphQLInputType) -> st.SearchStrategy[object]:
    """Values that the type takes, odd ones among them; now and then one that it does not."""
    match kind:
        case GraphQLNonNull():
            return arguments(kind.of_type)
        case GraphQLList():
            return st.lists(arguments(kind.of_type), max_size=3)
        case GraphQLEnumType():
            return st.sampled_from(list(kind.values))
        case GraphQLInputObjectType():
            fields = {name: arguments(field.type) for name, field in kind.fields.items()}
            needed = {name for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}
            return st.fixed_dictionaries(
                {name: fields[name] for name in needed}, optional={name: fields[name] for name in set(fields) - needed}
            )
    by_name = {
        "ID": IDS, "Int": st.integers(-(2**31), 2**31 - 1), "Boolean": st.booleans(), "Float": st.floats(-1e300, 1e300),
        "JSON": VALUES.map(json.dumps) | ODD, "CompareValue": VALUES,
        "String": st.sampled_from([*COLUMNS, "topics", ""]) | st.text(max_size=20),
    }  # fmt: skip
    return by_name.get(kind.name, ODD)


def selection(kind: object, depth: int = 3) -> str:
    """Every field that takes no argument it needs, a few levels down."""
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    if is_leaf_type(kind):
        return ""
    if not isinstance(kind, GraphQLObjectType) or depth == 0:
        return " { __typename }"
    fields = {
        name: field
        for name, field in kind.fields.items()
        if not any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
    }
    return " { " + " ".join(name + selection(field.type, depth - 1) for name, field in fields.items()) + " }"


ROOTS = [
    (word, name) for word, root in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type)) for name in root.fields
]


@given(root=st.sampled_from(ROOTS), data=st.data())
def test_any_arguments_of_any_field_are_answered(client: httpx.Client, root: tuple[str, str], data: st.DataObject) -> None:
    word, name = root
    field = (SCHEMA.query_type if word == "query" else SCHEMA.mutation_type).fields[name]
    given = {
        argument: data.draw(arguments(each.type), argument)
        for argument, each in field.args.items()
        if isinstance(each.type, GraphQLNonNull) or data.draw(st.booleans(), f"{argument}?")
    }
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    query = f"{word}{f'({declared})' if given else ''} {{ {name}{f'({passed})' if given else ''}{selection(field.type)} }}"
    require_answer(client, json.dumps({"query": query, "variables": given}).encode())


TOKENS = st.sampled_from(["{", "}", "(", ")", "[", "]", ":", "$", "!", "...", "@", "=", "|", "&", '"', '"""', "#", "\n", ",", "on",
                          "query", "mutation", "fragment", "true", "null", "1", "-0", "1e9", "boards", "items", "id", "name", "ids",
                          "create_item", "$x", "\\u0000", "\x00", "é", "\ufeff"])  # fmt: skip


@given(st.lists(TOKENS, max_size=40))
def test_any_text_is_answered_as_a_document(client: httpx.Client, tokens: list[str]) -> None:
    require_answer(client, json.dumps({"query": " ".join(tokens)}).encode())


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")) | VALUES.map(
    lambda value: json.dumps(value).encode()) | st.fixed_dictionaries({"query": ODD, "variables": VALUES, "operationName": ODD}).map(
    lambda value: json.dumps(value).encode()
))  # fmt: skip
def test_any_body_is_answered(client: httpx.Client, body: bytes) -> None:
    require_answer(client, body)
