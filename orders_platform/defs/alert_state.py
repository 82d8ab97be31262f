"""What is wrong just now, and what to say when that changes: once when something turns bad, once when it turns good again.

Belongs here: the rules, on values alone. Does not belong here: where the reports come from and where the words go (`alerts.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

State = dict[str, dict[str, str]]
"""Topic -> subject -> kind of trouble. A topic is a check or the runs of a job, a subject a customer. Only what is bad is in it."""


@dataclass(frozen=True, slots=True)
class Report:
    """One look at a topic.

    Attributes:
        bad: kind of trouble by subject; a kind that changes is said again, a number that changes is not.
        subject: whom it was about; None when it was about everybody, and who is not in `bad` is well.
        words: what to say of it.
        link: where people see more.
        unseen: subjects that a look at everybody left out; they stay what they were.
    """

    topic: str
    bad: Mapping[str, str]
    subject: str | None
    words: str
    link: str
    unseen: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A topic that turned bad, or good again, for some subjects; `still_bad` for these just now."""

    topic: str
    subjects: tuple[str, ...]
    words: str
    link: str
    still_bad: tuple[str, ...]
    is_bad: bool


def take_in(state: State, reports: Iterable[Report]) -> tuple[State, list[Change]]:
    """The state after these reports, in their order, and what changed. `state` is left as it is."""
    after: State = {topic: dict(subjects) for topic, subjects in state.items()}
    changes: list[Change] = []
    for report in reports:
        before = after.get(report.topic, {})
        seen = {name: kind for name, kind in before.items() if _is_seen(report, name)}
        turned_bad = tuple(name for name, kind in report.bad.items() if seen.get(name) != kind)
        turned_good = tuple(name for name in seen if name not in report.bad)
        now = {name: kind for name, kind in before.items() if name not in seen} | dict(report.bad)
        after[report.topic] = now
        if turned_bad:
            changes.append(Change(report.topic, turned_bad, report.words, report.link, tuple(now), is_bad=True))
        if turned_good:
            changes.append(Change(report.topic, turned_good, report.words, report.link, tuple(now), is_bad=False))
    return {topic: subjects for topic, subjects in after.items() if subjects}, changes


def _is_seen(report: Report, subject: str) -> bool:
    return report.subject in {None, subject} and subject not in report.unseen
