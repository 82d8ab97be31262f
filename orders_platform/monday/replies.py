"""One HTTP response of monday.com as a value: what happened to each alias, what went wrong, the action it calls for.

Every shape is read, old and new, JSON and HTML; nothing raises. A wait may stand in five places: `retry_in_seconds` (beside or inside
`error_data`), `retryAfterMs`, `Retry-After`, and "reset in 3 seconds" in a message.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime

from orders_platform.domain.mutations import Outcome
from orders_platform.domain.text import visible
from orders_platform.monday.error_policy import RATE_LIMITS, STOPS, ErrorAction, ErrorKind, ErrorRule, is_known, rule_for

MESSAGE_LENGTH = 1_000
"""Longest message kept: refusals of a label list all labels of the column, tens of kB; the tables keep 1,000 characters."""

LONGEST_WAIT = 3_600.0  # no limit of monday's but that of the day lasts longer; who names more means something else
LONGEST_WINDOW = 61.0  # a window lasts a minute, told in whole seconds
_IN_SENTENCE = re.compile(r"reset in (\d+(?:\.\d+)?) seconds?")
_ENTRY = re.compile(r'"([^"]+)"((?:\s*;\s*[a-zA-Z]+=[^,;]+)*)')
_PARAMETER = re.compile(r"([a-zA-Z]+)=\"?([0-9]{1,15}(?:\.[0-9]{1,15})?)\"?\s*(?![0-9.])")


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit as monday last told it, as far as it did: most units a window, those left in the running one, seconds until it ends."""

    quota: int | None = None
    remaining: int | None = None
    reset: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of an answer. `known` is False for a code or message that our table does not have."""

    code: str
    message: str
    rule: ErrorRule
    known: bool = True
    path: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What happened to the mutation that this error speaks of."""
        # An error below the alias comes from reading the answer's fields: the mutation itself went through.
        return Outcome.UNKNOWN if len(self.path) > 1 else _OUTCOMES[self.rule.action]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int  # HTTP status, 0 when there was no answer
    action: ErrorAction  # what the request as a whole calls for; DONE when it was executed, even if single aliases were refused
    executed: bool = False  # True when the fields of the request ran, so that each alias has an id or a problem
    data: Mapping[str, object] | None = None
    problems: tuple[Problem, ...] = ()
    wait: float = 0.0  # seconds to wait at least, as monday or our table says; 0 when neither does
    request_id: str | None = None
    cost: int | None = None  # complexity points of the request, None when the answer does not say
    # what monday told of its limits, by their names in `read_quota`
    quota: Mapping[str, Allowance] = field(default_factory=dict)
    replayed: bool = False  # True when monday answered from its idempotency cache and executed nothing
    never_sent: bool = False  # True when no connection was made, so that nothing can have been executed
    is_own: bool = False  # True when the body has monday's shape, hence is probably its own and not a gateway's or a proxy's

    @property
    def worst(self) -> Problem:
        """The problem that calls for the strongest action; that there was no result, where the answer names none."""
        return max(self.problems, key=lambda problem: problem.rule.action, default=_NO_RESULT)

    @property
    def kind(self) -> ErrorKind:
        return self.worst.rule.kind

    @property
    def surely_not_executed(self) -> bool:
        """True when no connection was made, or monday says in words that we know that it executed nothing of the request."""
        # An error with a path into the answer came from executing that; with one into the document it is of the request as a whole.
        excluding = (
            each.known and each.path[:1] in {(), ("query",), ("mutation",)} and _OUTCOMES[each.rule.action] is not Outcome.UNKNOWN
            for each in self.problems
        )  # fmt: skip
        return self.never_sent or (not self.executed and bool(self.problems) and all(excluding))

    @property
    def rate_limited(self) -> bool:
        """True when monday says that we asked too often or for too much a minute or a day."""
        return any(problem.rule.kind in RATE_LIMITS for problem in self.problems)

    def monday_id(self, alias: str) -> str | None:
        """The id that one alias of an executed request came back with; None when it has none."""
        monday_id = as_object((self.data or {}).get(alias)).get("id")
        return str(monday_id) if isinstance(monday_id, (str, int)) and not isinstance(monday_id, bool) else None

    def problem_of(self, alias: str) -> Problem:
        """Why one alias of an executed request came back without an id: of several reasons the one that says least."""
        own = [problem for problem in self.problems if problem.path[:1] == (alias,)]
        # An error that names another alias, or none, does not say that this one was not executed.
        own.sort(key=lambda problem: problem.known and problem.outcome is not Outcome.UNKNOWN)
        return next(iter(own), None) or replace(self.worst, rule=_NO_RESULT.rule, path=())


_OUTCOMES: Mapping[ErrorAction, Outcome] = {
    ErrorAction.DONE: Outcome.UNKNOWN,
    ErrorAction.REJECT: Outcome.REFUSED,
    ErrorAction.RESTART: Outcome.REFUSED,
    ErrorAction.SPLIT: Outcome.NOT_SENT,
    ErrorAction.WAIT: Outcome.NOT_SENT,
    ErrorAction.WAIT_UNKNOWN: Outcome.UNKNOWN,
    ErrorAction.STOP_UNTIL_MIDNIGHT: Outcome.NOT_SENT,
    ErrorAction.STOP: Outcome.NOT_SENT,
}

_LOST = ErrorRule(ErrorAction.WAIT_UNKNOWN)
_NO_RESULT = Problem("no_result", "monday.com answered without a result and without an error", _LOST)


def read_reply(status: int, headers: Mapping[str, str], body: str) -> Reply:
    """Take one answer apart, its body unpacked and its headers' names in any case; never raises, whatever came back."""
    lowered = {name.lower(): text for name, text in headers.items()}
    answer = _json_object(body)
    problems = _problems(status, answer)
    data = answer.get("data") if answer else None
    known = as_object(data)
    # The fields of the request ran: a result is there, or every error names the field it came from.
    has_result = any(node is not None for alias, node in known.items() if alias != "complexity")
    executed = has_result or (isinstance(data, dict) and all(problem.path for problem in problems))
    worst = max((problem.rule.action for problem in problems), default=ErrorAction.DONE)
    waits = [*_from_headers(lowered), *_from_body(answer or {})]
    cost = as_object(known.get("complexity")).get("query")
    return Reply(
        status=status,
        # Rights do not come back from one alias to the next: what is in this answer counts, and then we stop.
        action=ErrorAction.DONE if executed and worst not in STOPS else worst,
        executed=executed,
        data=known if isinstance(data, dict) else None,
        problems=problems,
        wait=min(max(waits), LONGEST_WAIT) if waits else max((problem.rule.wait for problem in problems), default=0.0),
        request_id=_text(as_object((answer or {}).get("extensions")).get("request_id")),
        cost=cost if isinstance(cost, int) and 0 <= cost < _MOST_POINTS else None,
        quota=read_quota(lowered),
        replayed=lowered.get("idempotency-replayed", "").casefold() == "true",
        is_own=answer is not None and not _OWN_KEYS.isdisjoint(answer),
    )


def lost_reply(code: str, message: str, *, never_sent: bool) -> Reply:
    """The reply that stands for none: a time-out or a lost connection, or (`never_sent`) a connection that was never made."""
    rule = ErrorRule(ErrorAction.WAIT) if never_sent else _LOST
    return Reply(0, rule.action, problems=(Problem(code, message[:MESSAGE_LENGTH], rule),), never_sent=never_sent)


_HALF = re.compile(r"\\u[dD]")
_MOST_POINTS = 10**9
_OWN_KEYS = frozenset({"data", "errors", "error_code", "error_message"})


def _problems(status: int, answer: Mapping[str, object] | None) -> tuple[Problem, ...]:
    if answer is None:
        return (_unreadable(status, "a body that is not a JSON object"),)
    errors = answer.get("errors")
    listed = [error for error in errors if error] if isinstance(errors, list) else []
    if not listed and any(key in answer for key in ("error_code", "error_message")):
        listed = [answer.get("error_message")]
    if not listed and (not 200 <= status < 300 or not isinstance(answer.get("data"), dict)):
        return (_unreadable(status, "neither data nor errors"),)
    return tuple(_problem(status, answer, error) for error in listed)


def _unreadable(status: int, found: str) -> Problem:
    rule = _LOST if 200 <= status < 300 else rule_for(None, status, "")[0]
    return Problem(f"HTTP_{status}", f"monday.com answered HTTP {status} with {found}", rule, known=False)


def _problem(status: int, answer: Mapping[str, object], error: object) -> Problem:
    """One entry of `errors`; in the shape of 2024 and before it is a bare text and the code stands beside the list."""
    fields: Mapping[str, object] = error if isinstance(error, dict) else {"message": error}
    extensions = as_object(fields.get("extensions"))
    code = _text(extensions.get("code")) or _text(answer.get("error_code"))
    message = _text(answer.get("error_message")) or _text(fields.get("message")) or "monday.com gave no reason"
    error_data = as_object(extensions.get("error_data"))
    own_status = extensions.get("status_code") or answer.get("status_code")
    effective = own_status if status == 200 and isinstance(own_status, int) else status
    column = _text(error_data.get("column_name")) or _text(error_data.get("column_id"))
    reason = _text(error_data.get("column_validation_error_code"))
    rule, known = rule_for(reason if is_known(reason) else code, effective, message)
    path = fields.get("path")
    steps = path if isinstance(path, list) and path else [] if path is None else [path]  # an odd one leads somewhere, too
    return Problem(
        code=(code or (f"HTTP_{effective}" if effective != 200 else "unknown_error"))[:100],
        message=": ".join(filter(None, (column, reason, message)))[:MESSAGE_LENGTH],  # monday keeps column and reason apart
        rule=rule,
        known=known,
        path=tuple(str(step) for step in steps),
    )


def _json_object(body: str) -> dict[str, object] | None:
    try:
        answer = json.loads(body)
        if _HALF.search(body):  # half a character, which JSON may name, is nothing that could be stored or shown
            answer = json.loads(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _text(value: object) -> str | None:
    """A text without control characters and line breaks, None for what is none."""
    return visible(re.sub(r"\s+", " ", value).strip()) or None if isinstance(value, str) else None


def as_object(value: object) -> Mapping[str, object]:
    """What should be an object in JSON; empty for what is none."""
    return value if isinstance(value, dict) else {}


def _from_headers(headers: Mapping[str, str]) -> Iterator[float]:
    """The waits that an answer asks for, in seconds; names of headers are in lower case."""
    text = headers.get("retry-after", "").strip()
    try:
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]*)?", text):
            yield float(text)
        elif text:  # a day and time is compared with the answer's own Date, not with our clock
            asked, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
            yield max(0.0, (asked - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return


def _from_body(body: Mapping[str, object]) -> Iterator[float]:
    errors = body.get("errors")
    for error in [*(errors if isinstance(errors, list) else []), body.get("error_message")]:
        fields = error if isinstance(error, dict) else {"message": error}
        extensions = as_object(fields.get("extensions"))
        for source in (extensions, as_object(extensions.get("error_data"))):
            for value, divisor in ((source.get("retry_in_seconds"), 1), (source.get("retryAfterMs"), 1_000)):
                if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
                    yield value / divisor
        message = fields.get("message")
        yield from (float(seconds) for seconds in _IN_SENTENCE.findall(message if isinstance(message, str) else ""))


def read_quota(headers: Mapping[str, str]) -> dict[str, Allowance]:
    """The allowances in the headers of one answer, by monday's names: `minuteRate`, `concurrency`, `complexityMinute`.

    Names of headers are in lower case. Entries that cannot be read are left out: the headers inform, they never fail an answer.
    """
    told: dict[str, dict[str, float]] = {}  # q is a policy's quota, r what is left of it, t the seconds until it is whole again
    for name, more in _ENTRY.findall(f"{headers.get('ratelimit-policy', '')}, {headers.get('ratelimit', '')}"):
        told.setdefault(name, {}).update({key: float(number) for key, number in _PARAMETER.findall(more)})
    return {
        name: Allowance(
            int(each["q"]) if "q" in each else None,
            int(each["r"]) if "r" in each else None,
            each["t"] if each.get("t", LONGEST_WINDOW + 1) <= LONGEST_WINDOW else None,
        )
        for name, each in told.items()
    }
