"""GraphQL text: the documents of `graphql/`, read once, and many aliased copies of a mutation in one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSyntaxError,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from orders_platform.domain.mutations import Mutation
from orders_platform.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Request:
    """One GraphQL request: text, variables, and the alias of each mutation in the order in which they were given."""

    operation: str
    query: str
    variables: Mapping[str, object]
    aliases: tuple[str, ...] = ()


class Documents:
    """The documents of one folder.

    Args:
        folder: holds `<operation>.graphql`, one pure operation a file; a mutation has one root field, named like its file.

    Raises:
        ConfigurationError: the folder or a document is missing or has another shape; raised when the document is first used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts = lru_cache(maxsize=256)(self._aliased_text)
        self._operations = lru_cache(maxsize=None)(self._read)

    def read(self, operation: str, variables: Mapping[str, object]) -> Request:
        """The request for one query, which also asks for its own cost."""
        node = self._operations(operation)
        if node.operation is not OperationType.QUERY:
            raise ConfigurationError(f"{self._path(operation)} is a {node.operation.value}; a query is needed here")
        self._check_variables(operation, node, variables)
        return Request(operation, self._texts(operation, 0), variables)

    def batch(self, operation: str, mutations: Sequence[Mutation]) -> Request:
        """One request that holds all `mutations` under the aliases m0, m1 ..., and asks for its own cost.

        The variables of mutation 3 are named m3_board_id and so on. A variable that a mutation does not have stays undefined,
        which GraphQL takes as "argument not given".
        """
        node = self._operations(operation)
        if node.operation is not OperationType.MUTATION:
            raise ConfigurationError(f"{self._path(operation)} is a {node.operation.value}; a mutation is needed here")
        for mutation in mutations:
            self._check_variables(operation, node, mutation.variables)
        aliases = tuple(f"m{index}" for index in range(len(mutations)))
        variables = {
            f"{alias}_{name}": value
            for alias, mutation in zip(aliases, mutations, strict=True)
            for name, value in mutation.variables.items()
        }
        return Request(operation, self._texts(operation, len(mutations)), variables, aliases)

    def _aliased_text(self, operation: str, copies: int) -> str:
        node = self._operations(operation)
        if copies == 0:
            return print_ast(_with_cost(node))
        renamed = [_renamed(node, f"m{index}") for index in range(copies)]
        return print_ast(
            _with_cost(
                OperationDefinitionNode(
                    operation=OperationType.MUTATION,
                    name=node.name,
                    variable_definitions=tuple(each for copy in renamed for each in copy.variable_definitions),
                    directives=(),
                    selection_set=SelectionSetNode(selections=tuple(copy.selection_set.selections[0] for copy in renamed)),
                )
            )
        )

    def _read(self, operation: str) -> OperationDefinitionNode:
        path = self._path(operation)
        try:
            document = parse(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read ({error.strerror}); the folder graphql/ is incomplete") from error
        except GraphQLSyntaxError as error:
            raise ConfigurationError(f"{path}: {error.message}") from error
        return _single_operation(document, operation, path)

    def _path(self, operation: str) -> Path:
        return self._folder / f"{operation}.graphql"

    def _check_variables(self, operation: str, node: OperationDefinitionNode, variables: Mapping[str, object]) -> None:
        declared = {definition.variable.name.value for definition in node.variable_definitions}
        unknown = sorted(set(variables) - declared)
        if unknown:
            raise ConfigurationError(f"{self._path(operation)} does not declare ${', $'.join(unknown)}")


def _single_operation(document: DocumentNode, operation: str, path: Path) -> OperationDefinitionNode:
    definitions = document.definitions
    if len(definitions) != 1 or not isinstance(definitions[0], OperationDefinitionNode):
        raise ConfigurationError(f"{path} must hold exactly one operation and nothing else")
    node = definitions[0]
    if node.operation is OperationType.MUTATION:
        fields = [each for each in node.selection_set.selections if isinstance(each, FieldNode)]
        if len(node.selection_set.selections) != 1 or [each.name.value for each in fields] != [operation]:
            raise ConfigurationError(f"{path} must hold the one root field {operation}")
    return node


def _renamed(node: OperationDefinitionNode, alias: str) -> OperationDefinitionNode:
    """A copy of a mutation under an alias, with the alias and an underscore before each variable."""
    copy: OperationDefinitionNode = visit(node, _Prefix(f"{alias}_"))
    field = copy.selection_set.selections[0]
    if isinstance(field, FieldNode):
        field.alias = NameNode(value=alias)
    return copy


class _Prefix(Visitor):
    """Renames every variable, where it is declared and where it is used."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def enter_variable(self, node: VariableNode, *_: object) -> VariableNode:
        """Replace one variable."""
        return VariableNode(name=NameNode(value=self._prefix + node.name.value))


def _with_cost(node: OperationDefinitionNode) -> OperationDefinitionNode:
    """The operation with `complexity { query }` as its last root field."""
    points = FieldNode(name=NameNode(value="query"), arguments=(), directives=())
    cost = FieldNode(
        name=NameNode(value="complexity"), arguments=(), directives=(), selection_set=SelectionSetNode(selections=(points,))
    )
    return OperationDefinitionNode(
        operation=node.operation,
        name=node.name,
        variable_definitions=node.variable_definitions,
        directives=node.directives,
        selection_set=SelectionSetNode(selections=(*node.selection_set.selections, cost)),
    )
