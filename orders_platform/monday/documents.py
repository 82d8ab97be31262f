"""GraphQL text: the documents of `graphql/`, read once, and many aliased copies of a mutation in one request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from graphql import FieldNode, GraphQLSyntaxError, OperationDefinitionNode, OperationType, parse, print_ast

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
    """The documents of one folder, `<operation>.graphql`: one pure operation a file; a mutation has one root field, named like its file.

    Raises `ConfigurationError`: the folder or a document is missing or has another shape; raised when the document is first used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts = lru_cache(maxsize=256)(self._text)
        self._operations = lru_cache(maxsize=None)(self._read)

    def read(self, operation: str, variables: Mapping[str, object]) -> Request:
        """The request for one query, which also asks for its own cost."""
        self._check(operation, OperationType.QUERY, [variables])
        return Request(operation, self._texts(operation, ()), variables)

    def batch(self, operation: str, mutations: Sequence[Mutation]) -> Request:
        """One request that holds all `mutations` under the aliases m0, m1 ..., and asks for its own cost.

        The variables of mutation 3 are named m3_board_id and so on. A variable that a mutation does not have stays undefined,
        which GraphQL takes as "argument not given".
        """
        self._check(operation, OperationType.MUTATION, [mutation.variables for mutation in mutations])
        aliases = tuple(f"m{index}" for index in range(len(mutations)))
        pairs = zip(aliases, mutations, strict=True)
        variables = {f"{alias}_{name}": value for alias, each in pairs for name, value in each.variables.items()}
        return Request(operation, self._texts(operation, aliases), variables, aliases)

    def _text(self, operation: str, aliases: Sequence[str]) -> str:
        node = self._operations(operation)
        declared = [print_ast(each) for each in node.variable_definitions]
        fields = [print_ast(each) for each in node.selection_set.selections]
        if aliases:
            declared = [text.replace("$", f"${alias}_") for alias in aliases for text in declared]
            fields = [f"{alias}: {fields[0].replace('$', f'${alias}_')}" for alias in aliases]
        head = f"{node.operation.value} {node.name.value if node.name else ''}({', '.join(declared)})"
        body = "\n".join([*fields, "complexity { query }"])
        return f"{head if declared else head.removesuffix('()')} {{\n{body}\n}}"

    def _read(self, operation: str) -> OperationDefinitionNode:
        path = self._path(operation)
        try:
            definitions = parse(path.read_text(encoding="utf-8")).definitions
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read ({error.strerror}); the folder graphql/ is incomplete") from error
        except GraphQLSyntaxError as error:
            raise ConfigurationError(f"{path}: {error.message}") from error
        node = definitions[0]
        if len(definitions) != 1 or not isinstance(node, OperationDefinitionNode):
            raise ConfigurationError(f"{path} must hold exactly one operation and nothing else")
        fields = [each.name.value for each in node.selection_set.selections if isinstance(each, FieldNode)]
        if node.operation is OperationType.MUTATION and fields != [operation]:
            raise ConfigurationError(f"{path} must hold the one root field {operation}")
        return node

    def _path(self, operation: str) -> Path:
        return self._folder / f"{operation}.graphql"

    def _check(self, operation: str, kind: OperationType, variables: Sequence[Mapping[str, object]]) -> None:
        node = self._operations(operation)
        if node.operation is not kind:
            raise ConfigurationError(f"{self._path(operation)} is a {node.operation.value}; a {kind.value} is needed here")
        declared = {definition.variable.name.value for definition in node.variable_definitions}
        if unknown := sorted(set().union(*variables) - declared):
            raise ConfigurationError(f"{self._path(operation)} does not declare ${', $'.join(unknown)}")
