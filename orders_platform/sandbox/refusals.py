"""What the sandbox says when monday would say no, in monday's codes and words.

Belongs here: one exception that carries code, HTTP status and error data, and the refusals that several modules share. Does not
belong here: deciding when to refuse, the shape of a reply (`replies.py`).
"""

from __future__ import annotations


class Refusal(Exception):
    """monday refuses one field, or the whole request.

    Args:
        code: monday's word, in `extensions.code`.
        message: monday's sentence.
        status: the HTTP status when nothing of the request succeeded.
        error_data: what the code carries besides, in `extensions.error_data`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 200,
        error_data: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.extensions: dict[str, object] = {
            "code": code,
            "status_code": status,
            "error_data": error_data or {},
        }


def invalid_argument(message: str) -> Refusal:
    """An argument has the wrong form or does not go with another one."""
    return Refusal("InvalidArgumentException", message)


def not_found(what: str, wanted: object) -> Refusal:
    """There is no such item, group or board, or it was deleted."""
    return Refusal("ResourceNotFoundException", f"{what} not found", error_data={"resource_id": str(wanted)})


def bad_board(board_id: object) -> Refusal:
    """No such board."""
    return Refusal(
        "InvalidBoardIdException", f"This board ID doesn't exist: {board_id}", error_data={"board_id": str(board_id)}
    )


def bad_column(column_id: str) -> Refusal:
    """No such column on the board."""
    return Refusal(
        "InvalidColumnIdException", "This column ID doesn't exist for the board", error_data={"column_id": column_id}
    )


def bad_json(text: str) -> Refusal:
    """A string that should hold JSON does not."""
    return Refusal("JsonParseException", "Syntax error in JSON input", status=400, error_data={"json": text[:1_000]})


def bad_value(
    column_id: str, title: str, column_type: str, value: object, message: str, *, code: str = "invalidValue"
) -> Refusal:
    """A value that the column cannot hold; monday refuses the whole item."""
    error_data = {
        "column_id": column_id,
        "column_name": title,
        "column_type": column_type,
        "column_value": value,
        "column_validation_error_code": code,
    }
    return Refusal("ColumnValueException", message, error_data=error_data)


def inactive(item_id: int) -> Refusal:
    """The item is archived or deleted, so it cannot be changed."""
    error_data: dict[str, object] = {"item_id": str(item_id), "column_validation_error_code": "inactiveItems"}
    return Refusal("ColumnValueException", "The item is inactive: it was archived or deleted", error_data=error_data)


def bad_name(name: str) -> Refusal:
    """A name outside 1-255 characters."""
    return Refusal(
        "ItemNameTooLongException",
        "Item name must have between 1 and 255 characters",
        error_data={"item_name": name[:300], "length": len(name)},
    )
