"""Alerts in words, and their way out: chat, mail and webhooks by apprise.

Belongs here: composing a message of what changed or of where things stand, and sending it. Does not belong here: what is worth a
message (`defs/alert_state.py`), what happened (`alerts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import apprise
from pydantic import SecretStr

from orders_platform.defs.alert_state import Change
from orders_platform.domain.orders import CustomerSummary, RejectedRow
from orders_platform.errors import AlertUnsentError, ConfigurationError

_LINES = 20
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Message:
    """What people read."""

    title: str
    body: str
    is_bad: bool


class Messenger:
    """The places that ORDERS_ALERT_URLS names; none is a good answer too.

    Raises:
        ConfigurationError: a URL is none that apprise knows. Its text may hold a password, so only its place is said.
    """

    def __init__(self, urls: SecretStr) -> None:
        self._places: list[apprise.Apprise] = []
        for number, url in enumerate(urls.get_secret_value().split(), start=1):
            place = apprise.Apprise()
            if not place.add(url):
                raise ConfigurationError(
                    f"ORDERS_ALERT_URLS: number {number} is no URL that apprise knows; see its documentation for how each service is "
                    "written, e.g. mailto://, slack://, json://."
                )
            self._places.append(place)

    @property
    def is_silent(self) -> bool:
        """No place is configured."""
        return not self._places

    def send(self, message: Message) -> int:
        """Send to every place; how many took it.

        Raises:
            AlertUnsentError: there are places, and none took it.
        """
        kind = apprise.NotifyType.FAILURE if message.is_bad else apprise.NotifyType.SUCCESS
        taken = sum(bool(place.notify(body=message.body, title=message.title, notify_type=kind)) for place in self._places)
        if self._places and not taken:
            raise AlertUnsentError(
                f"None of the {len(self._places)} places in ORDERS_ALERT_URLS took {message.title!r}. An alert is "
                "sent again at the next tick, for a day; check the addresses and whether they can be reached from here."
            )
        return taken


def of_changes(changes: Iterable[Change], environment: str) -> list[Message]:
    """One message for each topic that turned bad, and for each that turned good, whatever the number of customers."""
    found: dict[tuple[bool, str], list[Change]] = {}
    for change in changes:
        found.setdefault((change.is_bad, change.topic), []).append(change)
    return [_of_topic(topic, is_bad, group, environment) for (is_bad, topic), group in found.items()]


def _of_topic(topic: str, is_bad: bool, changes: Sequence[Change], environment: str) -> Message:  # noqa: FBT001
    subjects = list(dict.fromkeys(name for change in changes for name in change.subjects))
    verdict = "failed" if is_bad else "is well again"
    lines = [f"{change.words if is_bad else _recovered(change)}\n{change.link}" for change in changes]
    return Message(f"[{environment}] {_listed(subjects)}: {topic} {verdict}", _cut(lines), is_bad)


def _recovered(change: Change) -> str:
    rest = f" Still bad: {_listed(change.still_bad)}." if change.still_bad else ""
    return f"{_listed(change.subjects)}: {change.topic} is well again.{rest}"


def summary(
    summaries: Sequence[CustomerSummary], rejects: Sequence[RejectedRow], failed: Sequence[str], environment: str, ui_url: str
) -> Message:
    """Where every customer stands, those with trouble first; `failed` are customers and jobs whose last run failed."""
    rejected: dict[str, int] = {}
    for row in rejects:
        rejected[row.customer] = rejected.get(row.customer, 0) + row.rows
    rows = sorted(summaries, key=lambda each: (-each.pending - each.failed, each.customer))
    lines = [_standing(each, rejected.pop(each.customer, 0)) for each in rows]
    lines += [f"{customer}: {count} rejected" for customer, count in rejected.items()]
    runs = [f"The last run failed: {', '.join(failed)}"] if failed else []
    items, orders = sum(each.items for each in rows), sum(each.orders for each in rows)
    subitems, total = sum(each.subitems for each in rows), sum(each.lines for each in rows)
    totals = f"{items} of {orders} orders, {subitems} of {total} lines on the board"
    waiting, refused = sum(each.new + each.pending for each in rows), sum(each.failed for each in rows)
    title = f"[{environment}] {len(rows)} customers: {waiting} rows wait, {refused} failed, {sum(row.rows for row in rejects)} rejected"
    return Message(title, "\n".join([totals, *runs, *lines, f"{ui_url}/runs"]), bool(failed))


def _standing(each: CustomerSummary, rejected: int) -> str:
    return (
        f"{each.customer}: {each.items} of {each.orders} orders, {each.subitems} of {each.lines} lines on the board; {each.new} new, "
        f"{each.pending} pending, {each.failed} failed, {rejected} rejected"
    )


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _cut(lines: Sequence[str]) -> str:
    rest = len(lines) - _LINES
    return "\n\n".join([*lines[:_LINES], *([f"... and {rest} more"] if rest > 0 else [])])
