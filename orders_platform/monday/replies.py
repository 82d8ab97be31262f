"""One HTTP answer of monday.com as a value: what happened to each alias, what went wrong, and the reaction it calls for.

Pure: (status, headers, body) in, `Reply` out. Belongs here: every shape an answer comes in, old and new, JSON and HTML. Does
not belong here: which error calls for which reaction (`monday/error_policy.py`), sending and waiting (`monday/client.py`).
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from orders_platform.monday.error_policy import RATE_LIMITS, Limit, Reaction, Rule, is_known, rule_for
from orders_platform.monday.headers import seconds_to_wait
from orders_platform.monday.quota import Quota, read_quota

MESSAGE_LENGTH = 1_000
"""Longest message kept: refusals of a label list all labels of the column, tens of kB; the tables keep 1,000 characters."""


class Fate(enum.StrEnum):
    """What happened to one aliased mutation."""

    DONE = "done"
    REFUSED = "refused"
    REPEAT = "repeat"  # surely not executed, through no fault of the row
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of an answer. `known` is False for a code or message that our table does not have."""

    code: str
    message: str
    rule: Rule
    known: bool = True
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer says of one alias; `monday_id` only when DONE, `problem` never when DONE."""

    fate: Fate
    monday_id: str | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        status: HTTP status, 0 when there was no answer.
        reaction: what the request as a whole calls for; DONE when it was executed, even if single aliases were refused.
        executed: True when the fields of the request ran, so that `outcome` can be asked.
        data: monday's data, None when there is none.
        wait: seconds to wait at least, as monday or our table says; 0 when neither does.
        cost: complexity points of the request, None when the answer does not say.
        replayed: True when monday answered from its idempotency cache and executed nothing.
        never_sent: True when no connection was made, so that nothing can have been executed.
        is_json: True when the body was a JSON object, hence probably monday's own and not a gateway's.
    """

    status: int
    reaction: Reaction
    executed: bool = False
    data: Mapping[str, object] | None = None
    problems: tuple[Problem, ...] = ()
    wait: float = 0.0
    request_id: str | None = None
    cost: int | None = None
    quota: Quota = field(default_factory=Quota)
    api_version: str | None = None
    replayed: bool = False
    never_sent: bool = False
    is_json: bool = False

    @property
    def worst(self) -> Problem | None:
        """The problem that calls for the strongest reaction, None when there is none."""
        return max(self.problems, key=lambda problem: problem.rule.reaction.severity, default=None)

    @property
    def limit(self) -> Limit | None:
        """The limit that the worst problem speaks of."""
        return self.worst.rule.limit if self.worst else None

    @property
    def rate_limited(self) -> bool:
        """True when monday says that we asked too often or for too much a minute or a day."""
        return any(problem.rule.limit in RATE_LIMITS for problem in self.problems)

    def outcome(self, alias: str) -> Outcome:
        """What happened to one alias of an executed request."""
        node = (self.data or {}).get(alias)
        if isinstance(node, dict) and node.get("id") is not None:
            return Outcome(Fate.DONE, monday_id=str(node["id"]))
        own = next((problem for problem in self.problems if problem.path[:1] == (alias,)), None)
        if own is None:
            return Outcome(Fate.UNKNOWN, problem=self.worst or _NO_WORD)
        # An error below the alias comes from reading the answer's fields: the mutation itself went through.
        return Outcome(Fate.UNKNOWN if len(own.path) > 1 else _FATES[own.rule.reaction], problem=own)


_FATES: Mapping[Reaction, Fate] = {
    Reaction.DONE: Fate.UNKNOWN,
    Reaction.REJECT: Fate.REFUSED,
    Reaction.RESTART: Fate.REFUSED,
    Reaction.SPLIT: Fate.REPEAT,
    Reaction.WAIT: Fate.REPEAT,
    Reaction.WAIT_UNKNOWN: Fate.UNKNOWN,
    Reaction.STOP_UNTIL_MIDNIGHT: Fate.REPEAT,
    Reaction.STOP: Fate.REPEAT,
}

_NO_WORD = Problem("no_result", "monday.com answered without a result and without an error", Rule(Reaction.WAIT_UNKNOWN))


def read_reply(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """Take one answer apart; never raises, whatever came back.

    Args:
        status: HTTP status.
        headers: names in any case.
        body: as it came; compressed ones unpacked.
    """
    lowered = {name.lower(): text for name, text in headers.items()}
    document = _json_object(body)
    problems = _problems(status, document)
    data = document.get("data") if document else None
    known_data = data if isinstance(data, dict) else None
    extensions = document.get("extensions") if document else None
    executed = _was_executed(known_data, problems)
    return Reply(
        status=status,
        reaction=_reaction(executed, problems),
        executed=executed,
        data=known_data,
        problems=problems,
        wait=_wait(lowered, document, problems),
        request_id=_text(extensions.get("request_id")) if isinstance(extensions, dict) else None,
        cost=_cost(known_data),
        quota=read_quota(lowered),
        api_version=lowered.get("api-version"),
        replayed=lowered.get("idempotency-replayed", "").casefold() == "true",
        is_json=document is not None,
    )


def lost_reply(code: str, message: str, *, never_sent: bool) -> Reply:
    """The reply that stands for none: a time-out or a lost connection, or (`never_sent`) a connection that was never made."""
    rule = Rule(Reaction.WAIT if never_sent else Reaction.WAIT_UNKNOWN)
    return Reply(0, rule.reaction, problems=(Problem(code, message[:MESSAGE_LENGTH], rule),), never_sent=never_sent)


def _reaction(executed: bool, problems: tuple[Problem, ...]) -> Reaction:  # noqa: FBT001
    reactions = [problem.rule.reaction for problem in problems]
    worst = max(reactions, key=lambda reaction: reaction.severity, default=Reaction.DONE)
    # Rights do not come back from one alias to the next: what is in this answer counts, and then we stop.
    if worst in {Reaction.STOP, Reaction.STOP_UNTIL_MIDNIGHT}:
        return worst
    return Reaction.DONE if executed else worst


def _was_executed(data: Mapping[str, object] | None, problems: tuple[Problem, ...]) -> bool:
    """True when the fields of the request ran: a result is there, or every error names the field it came from."""
    if data and any(node is not None for alias, node in data.items() if alias != "complexity"):
        return True
    return data is not None and all(problem.path for problem in problems)


def _problems(status: int, document: Mapping[str, object] | None) -> tuple[Problem, ...]:
    if document is None:
        return (_unreadable(status),)
    errors = document.get("errors")
    listed = [error for error in errors if error] if isinstance(errors, list) else []
    if not listed and (not 200 <= status < 300 or any(key in document for key in ("error_code", "error_message"))):
        listed = [document.get("error_message") or document.get("error") or f"HTTP {status}"]
    if not listed and not isinstance(document.get("data"), dict):
        rule = Rule(Reaction.WAIT_UNKNOWN)
        return (Problem("no_data", "monday.com answered with neither data nor errors", rule, known=False),)
    return tuple(_problem(status, document, error) for error in listed)


def _unreadable(status: int) -> Problem:
    rule, known = rule_for(None, status, "")
    if status == 200:
        rule = Rule(Reaction.WAIT_UNKNOWN)
    message = f"monday.com answered HTTP {status} with a body that is not a JSON object"
    return Problem(f"HTTP_{status}", message, rule, known or status == 200)


def _problem(status: int, document: Mapping[str, object], error: object) -> Problem:
    """One entry of `errors`; in the shape of 2024 and before it is a bare text and the code stands beside the list."""
    fields: Mapping[str, object] = error if isinstance(error, dict) else {"message": error}
    extensions = _object(fields.get("extensions"))
    code = _text(extensions.get("code")) or _text(document.get("error_code"))
    message = _text(document.get("error_message")) or _text(fields.get("message")) or "monday.com gave no reason"
    own_status = extensions.get("status_code") or document.get("status_code")
    effective = own_status if status == 200 and isinstance(own_status, int) else status
    reason = _text(_object(extensions.get("error_data")).get("column_validation_error_code"))
    rule, known = rule_for(reason if is_known(reason) else code, effective, message)
    path = fields.get("path")
    return Problem(
        code=(code or (f"HTTP_{effective}" if effective != 200 else "unknown_error"))[:100],
        message=_with_column(_object(extensions.get("error_data")), message)[:MESSAGE_LENGTH],
        rule=rule,
        known=known,
        path=tuple(str(step) for step in path) if isinstance(path, list) else (),
    )


def _with_column(error_data: Mapping[str, object], message: str) -> str:
    """The message with the column and the kind of refusal in front, which monday keeps apart from it."""
    column = _text(error_data.get("column_name")) or _text(error_data.get("column_id"))
    reason = _text(error_data.get("column_validation_error_code"))
    return ": ".join(part for part in (column, reason, message) if part)


def _wait(headers: Mapping[str, str], document: Mapping[str, object] | None, problems: tuple[Problem, ...]) -> float:
    told = seconds_to_wait(headers, document or {})
    ours = max((problem.rule.wait for problem in problems), default=0.0)
    return ours if told is None else told


def _cost(data: Mapping[str, object] | None) -> int | None:
    query = _object((data or {}).get("complexity")).get("query")
    return query if isinstance(query, int) else None


def _json_object(body: bytes) -> dict[str, object] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """A text without control characters and line breaks, None for what is none."""
    return re.sub(r"\s+", " ", value).strip() or None if isinstance(value, str) else None
