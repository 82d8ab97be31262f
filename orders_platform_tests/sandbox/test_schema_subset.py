"""Our schema is valid, our documents fit it, and it is a part of monday's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
    validate_schema,
)

from orders_platform.domain.mutations import Operation
from orders_platform.settings import default_folder

FOLDER = default_folder("graphql")
DOCUMENTS = sorted(path for path in FOLDER.glob("*.graphql") if path.stem != "schema")
OURS = build_schema((FOLDER / "schema.graphql").read_text(encoding="utf-8"))


def differences(ours: GraphQLSchema, theirs: GraphQLSchema) -> list[str]:
    """Everything in `ours` that `theirs` lacks or types otherwise."""
    found: list[str] = []
    for name, ours_type in ours.type_map.items():
        theirs_type = theirs.type_map.get(name)
        if name.startswith("__") or theirs_type is None:
            found += [] if name.startswith("__") else [f"type {name}"]
        elif type(ours_type) is not type(theirs_type):
            found.append(f"kind of {name}")
        else:
            found += [f"{name}.{difference}" for difference in _differences(ours_type, theirs_type)]
    return found


def _differences(ours: GraphQLNamedType, theirs: GraphQLNamedType) -> list[str]:
    if isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
        return sorted(set(ours.values) - set(theirs.values))
    if isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
        return _arguments(ours.fields, theirs.fields)
    if isinstance(ours, GraphQLObjectType | GraphQLInterfaceType) and isinstance(
        theirs, GraphQLObjectType | GraphQLInterfaceType
    ):
        found = [] if {each.name for each in ours.interfaces} <= {each.name for each in theirs.interfaces} else ["interfaces"]
        for name, field in ours.fields.items():
            other = theirs.fields.get(name)
            if other is None or str(field.type) != str(other.type):
                found.append(f"{name}: {field.type}")
            else:
                found += [f"{name}({difference})" for difference in _arguments(field.args, other.args)]
        return found
    return []


def _arguments(ours: dict, theirs: dict) -> list[str]:
    """Ours that differ in type or default, and theirs that are required and missing."""
    wrong = [
        name
        for name, value in ours.items()
        if name not in theirs or (str(value.type), value.default_value) != (str(theirs[name].type), theirs[name].default_value)
    ]
    return wrong + [f"{name} is required" for name in theirs.keys() - ours.keys() if str(theirs[name].type).endswith("!")]


def test_our_schema_is_valid():
    assert validate_schema(OURS) == []


def test_our_schema_is_a_part_of_mondays():
    sdl = os.environ.get("MONDAY_SCHEMA_SDL")
    theirs = build_schema(Path(sdl).read_text(encoding="utf-8")) if sdl else OURS
    assert differences(OURS, theirs) == []


@pytest.mark.parametrize(
    ("sdl", "difference"),
    [
        ("type Query { a: Int! }", "Query.a: Int"),
        ("type Query { b: Int }", "Query.a: Int"),
        ("type Query { a(x: Int!): Int }", "Query.a(x is required)"),
        ("type Query { a: Int } enum E { Y }", "E.X"),
        ("type Query { a: Int }", "type E"),
        ("type Query { a: Int } scalar E", "kind of E"),
    ],
)
def test_the_comparison_sees_a_difference(sdl: str, difference: str):
    assert difference in differences(build_schema("type Query { a: Int } enum E { X }"), build_schema(sdl))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_is_one_valid_operation_with_a_header(path: Path):
    text = path.read_text(encoding="utf-8")
    document = parse(text)
    assert text.startswith("# ")
    assert [type(node) for node in document.definitions] == [OperationDefinitionNode]
    assert validate(OURS, document) == []


@pytest.mark.parametrize("operation", Operation)
def test_every_mutation_we_send_has_a_document_that_asks_for_the_id_only(operation: Operation):
    (definition,) = parse((FOLDER / f"{operation}.graphql").read_text(encoding="utf-8")).definitions
    (root,) = definition.selection_set.selections
    assert root.name.value == operation
    assert [field.name.value for field in root.selection_set.selections] == ["id"]


def test_a_resolver_for_every_root_field_exists(api):
    fields = {*OURS.query_type.fields, *OURS.mutation_type.fields}
    bound = api.sandbox.pipeline.schema._schema
    without = [
        name
        for name in fields
        if not any(root.fields[name].resolve for root in (bound.query_type, bound.mutation_type) if name in root.fields)
    ]
    assert without == []
