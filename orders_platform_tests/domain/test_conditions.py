"""Once when something turns bad, once when it turns good again."""

from __future__ import annotations

from orders_platform.defs.alert_state import Report, State, take_in


def everybody(*bad: str, topic: str = "no_rows_stuck") -> Report:
    return Report(topic, dict.fromkeys(bad, "bad"), None, "words", "link")


def of(customer: str, kind: str | None, topic: str = "the run") -> Report:
    return Report(topic, {customer: kind} if kind else {}, customer, "words", "link")


def said(state: State, *reports: Report) -> tuple[State, list[tuple[bool, str, tuple[str, ...]]]]:
    after, changes = take_in(state, reports)
    return after, [(change.is_bad, change.topic, change.subjects) for change in changes]


def test_what_is_well_and_stays_well_is_not_spoken_of() -> None:
    assert said({}, everybody(), of("ACME", None)) == ({}, [])


def test_a_check_that_turns_bad_is_said_once_and_so_is_its_recovery() -> None:
    state, changes = said({}, everybody("ACME"))
    assert changes == [(True, "no_rows_stuck", ("ACME",))]
    state, changes = said(state, everybody("ACME"), everybody("ACME"))
    assert changes == []
    state, changes = said(state, everybody())
    assert changes == [(False, "no_rows_stuck", ("ACME",))]
    assert said(state, everybody()) == ({}, [])


def test_a_second_customer_is_news_and_the_first_is_not_repeated() -> None:
    state, _ = said({}, everybody("ACME"))
    state, changes = said(state, everybody("ACME", "RHONE"))
    assert changes == [(True, "no_rows_stuck", ("RHONE",))]
    _, changes = said(state, everybody("RHONE"))
    assert changes == [(False, "no_rows_stuck", ("ACME",))]


def test_a_report_of_one_customer_says_nothing_of_the_others() -> None:
    state, _ = said({}, everybody("ACME", "RHONE", topic="keys_unique"))
    state, changes = said(state, of("ACME", None, "keys_unique"))
    assert changes == [(False, "keys_unique", ("ACME",))]
    assert state == {"keys_unique": {"RHONE": "bad"}}


def test_who_was_left_out_of_a_look_at_everybody_stays_what_he_was() -> None:
    state, _ = said({}, everybody("ACME", "RHONE"))
    state, changes = said(state, Report("no_rows_stuck", {}, None, "words", "link", unseen={"ACME"}))
    assert changes == [(False, "no_rows_stuck", ("RHONE",))]
    assert state == {"no_rows_stuck": {"ACME": "bad"}}


def test_a_recovery_names_who_is_still_bad() -> None:
    state, _ = take_in({}, [everybody("ACME", "RHONE")])
    _, (change,) = take_in(state, [everybody("RHONE")])
    assert change.still_bad == ("RHONE",)


def test_another_kind_of_trouble_is_news() -> None:
    state, changes = said({}, of("ACME", "MondayUnavailableError"))
    assert len(changes) == 1
    assert said(state, of("ACME", "MondayUnavailableError"))[1] == []
    assert said(state, of("ACME", "BoardMismatchError"))[1] == [(True, "the run", ("ACME",))]


def test_bad_and_good_again_within_one_look_are_both_said() -> None:
    _, changes = said({}, of("ACME", "crash"), of("ACME", None))
    assert [is_bad for is_bad, _, _ in changes] == [True, False]


def test_the_state_that_was_given_is_left_as_it_was() -> None:
    state: State = {"the run": {"ACME": "crash"}}
    take_in(state, [of("ACME", None), of("RHONE", "crash")])
    assert state == {"the run": {"ACME": "crash"}}
