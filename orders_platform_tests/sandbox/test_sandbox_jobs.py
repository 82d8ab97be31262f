"""Imports of a CSV file and bulk changes: their states, limits, rows."""

from __future__ import annotations

import httpx
import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.jobs import JobRules
from orders_platform.sandbox.switches import Switches

NUMBER, PRICE, NOTES = "text_mkr5wya6", "numeric_mkr5cact", "long_text_mkr5hass"
SEASON, UNIT, RECEIVED = "dropdown_mkr58de6", "color_mkr5yf27", "date_mkr5zp5"
START = """
mutation($g: ID!, $m: OnMatchInput) { ingest_items(board_id: 9609317401, group_id: $g, on_match: $m) { job_id upload_url } }"""
STATUS = """
query($j: ID!) { fetch_job_status(job_id: $j) { ... on ItemsJobStatus {
  status counts { submitted invalid skipped created updated failed } progress_percentage failure_reason failure_message
  fully_imported report_created report_url } } }"""
BULK_STATUS = "query($j: ID!) { job_status(job_id: $j) { id status created_at result { total succeeded failed details } } }"
UPSERT = {"match_column_id": NUMBER, "behaviour": "UPSERT"}


def begin(api, match: dict[str, str] | None = None, group: str = "topics") -> dict:
    return api.data(START, g=group, m=match)["ingest_items"]


def put(url: str, text: str | bytes, **headers: str) -> httpx.Response:
    return httpx.put(url, content=text, headers={"Content-Type": "text/csv", **headers})


def status(api, job: dict) -> dict:
    return api.data(STATUS, j=job["job_id"])["fetch_job_status"]


def load(api, text: str, match: dict[str, str] | None = None) -> dict:
    """A whole import; its last status."""
    job = begin(api, match)
    assert put(job["upload_url"], text).status_code == 200
    api.sandbox.settle()
    return status(api, job)


def counts(found: dict) -> dict[str, int]:
    """Those that are not zero."""
    return {name: number for name, number in found["counts"].items() if number and name != "submitted"}


def reasons(found: dict) -> list[str]:
    return [line.split(",", 3)[-1] for line in httpx.get(found["report_url"]).text.splitlines()[1:]]


def test_an_import_waits_for_its_file_works_and_is_complete(api):
    job = begin(api)
    assert status(api, job)["status"] == "UPLOAD_PENDING"
    answer = put(job["upload_url"], f"name,{NUMBER},{PRICE}\nA,GRE-1,12.5\nB,,\n")
    assert (answer.status_code, answer.headers["ETag"][0]) == (200, '"')
    working = status(api, job)
    assert (working["status"], working["counts"]["submitted"], api.names()) == ("PROCESSING", 2, [])
    api.clock.now += 10
    done = status(api, job)
    assert (done["status"], done["progress_percentage"], done["fully_imported"]) == ("COMPLETED", 100, True)
    assert counts(done) == {"created": 2}
    assert api.names() == ["A", "B"]
    (first, second) = api.sandbox.board_snapshot(ITEMS_BOARD_ID)[0].items
    assert first.values == {NUMBER: "GRE-1", PRICE: "12.5"}
    assert second.values == {}


def test_the_report_names_every_row_and_lasts_ten_minutes(api):
    found = load(api, f"name,{PRICE}\nA,1\nB,many\n")
    lines = httpx.get(found["report_url"]).text.splitlines()
    assert lines[:2] == ["row,name,result,reason", "1,A,created,"]
    assert lines[2].startswith("2,B,invalid,")
    api.clock.now += 601
    assert httpx.get(found["report_url"]).status_code == 403


def test_an_upload_url_takes_one_file_within_ten_minutes(api):
    late, twice, unsigned = (begin(api)["upload_url"] for _ in range(3))
    assert put(twice, "name\nA\n").status_code == 200
    assert put(twice, "name\nB\n").status_code == 403
    assert put(unsigned, "name\nA\n", **{"x-amz-checksum-crc32": "AAAA"}).status_code == 403
    api.clock.now += 601
    answer = put(late, "name\nA\n")
    assert (answer.status_code, "Request has expired" in answer.text) == (403, True)
    assert put(late[:-1], "name\nA\n").status_code == 404
    assert httpx.get(f"{api.url}/reports/nothing.csv").status_code == 404


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first header"),
        ("title\nA\n", "first header"),
        (f"name,{NUMBER},{NUMBER}\nA,1,2\n", "twice"),
        ("name,nothing\nA,1\n", "no column 'nothing'"),
        ("name,nothing.subitem\nA,1\n", "no column 'nothing'"),
        (b"name\n\xff\n", "not CSV in UTF-8"),
        ('name\n"A"B\n', "not CSV"),
    ],
)
def test_a_file_that_does_not_fit_is_rejected_whole(api, text, words):
    job = begin(api)
    assert put(job["upload_url"], text).status_code == 200
    found = status(api, job)
    assert (found["status"], found["failure_reason"], found["fully_imported"]) == ("REJECTED", "INVALID_UPLOAD", False)
    assert words in found["failure_message"]


@pytest.mark.parametrize(
    ("rules", "items_limit", "reason"),
    [
        (JobRules(rows=1), 100, "INVALID_UPLOAD"),
        (JobRules(file_bytes=5), 100, "FILE_TOO_LARGE"),
        (JobRules(items_per_hour=1), 100, "ACCOUNT_CAPACITY_EXCEEDED"),
        (JobRules(), 1, "BOARD_CAPACITY_EXCEEDED"),
    ],
)
def test_a_file_over_a_limit_is_rejected_whole(start, rules, items_limit, reason):
    api = start(job_rules=rules, items_limit=items_limit)
    found = load(api, "name\nA\nB\n")
    assert (found["status"], found["failure_reason"], api.names()) == ("REJECTED", reason, [])


def test_mondays_figures_are_the_defaults():
    rules = JobRules()
    assert (rules.rows, rules.file_bytes, rules.starts_per_hour) == (10_000, 157_286_400, 100)
    assert (rules.items_per_hour, rules.url_seconds) == (19_000, 600)


def test_capacity_comes_back_for_rows_that_changed_nothing_and_after_an_hour(start):
    api = start(job_rules=JobRules(items_per_hour=3))
    load(api, f"name,{PRICE}\nA,1\nB,many\n")
    assert load(api, "name\nC\nD\n")["status"] == "COMPLETED"
    assert load(api, "name\nE\n")["status"] == "REJECTED"
    api.clock.now += 3_600
    assert load(api, "name\nE\n")["status"] == "COMPLETED"


def test_a_hundred_imports_an_hour_may_be_started(start):
    api = start(job_rules=JobRules(starts_per_hour=1))
    begin(api)
    answer = api.post(START, {"g": "topics"})
    (error,) = answer.json()["errors"]
    assert answer.status_code == 429
    assert (error["extensions"]["code"], error["extensions"]["retryAfterMs"]) == ("RATE_LIMIT_EXCEEDED", 3_600_000)
    assert api.sandbox.meter.day.left == pytest.approx(10_000 - 1.1)
    api.clock.now += 3_600
    begin(api)


def test_labels_are_exact_and_must_be_there(api):
    found = load(api, f'name,{UNIT},{SEASON}\nA,PCS,"2025 FALL, 2026 FALL"\nB,pcs,\nC,,2031 FALL\n')
    assert counts(found) == {"created": 1, "invalid": 2}
    assert found["fully_imported"] is True
    (item,) = api.sandbox.board_snapshot(ITEMS_BOARD_ID)[0].items
    assert item.values == {UNIT: "PCS", SEASON: "2025 FALL, 2026 FALL"}
    assert "doesn't exist" in reasons(found)[1]


@pytest.mark.parametrize(("text", "checked"), [("yes", "v"), ("X", "v"), ("1", "v"), ("no", None), ("", None)])
def test_a_checkbox_takes_several_words(api, text, checked):
    api.data('mutation { create_column(board_id: 9609317401, title: "C", column_type: checkbox, id: "check") { id } }')
    load(api, f"name,check\nA,{text}\n")
    (item,) = api.sandbox.board_snapshot(ITEMS_BOARD_ID)[0].items
    assert item.values.get("check") == checked


def test_an_upsert_updates_the_newest_match_and_leaves_its_group(api):
    api.data('mutation { create_group(board_id: 9609317401, group_name: "G") { id } }')
    old, new = (api.create("old", {NUMBER: "GRE-1", PRICE: "1", NOTES: "keep"}) for _ in range(2))
    group = api.data("{ boards(ids: [9609317401]) { groups { id } } }")["boards"][0]["groups"][1]["id"]
    job = begin(api, UPSERT, group)
    put(job["upload_url"], f"name,{NUMBER},{PRICE},{NOTES}\nnewer,gre-1,<NULL>,\nother,GRE-2,3,\nempty,,4,\n")
    api.sandbox.settle()
    assert counts(status(api, job)) == {"updated": 1, "created": 2}
    first, second = api.sandbox.board_snapshot(ITEMS_BOARD_ID)
    assert [(item.id, item.name, item.values) for item in first.items] == [
        (old, "old", {NUMBER: "GRE-1", PRICE: "1", NOTES: "keep"}),
        (new, "newer", {NUMBER: "gre-1", NOTES: "keep"}),
    ]
    assert [item.name for item in second.items] == ["other", "empty"]


def test_a_match_may_be_skipped_and_the_last_of_equal_rows_counts(api):
    api.create("A", {NUMBER: "1"})
    found = load(api, f"name,{NUMBER}\nB,1\nC,2\nD,2\n", {"match_column_id": NUMBER, "behaviour": "SKIP"})
    assert counts(found) == {"skipped": 2, "created": 1}
    assert sorted(api.names()) == ["A", "D"]


def test_items_may_be_matched_by_name(api):
    item = api.create("A")
    assert counts(load(api, f"name,{PRICE}\nA,5\n", {"match_column_id": "name", "behaviour": "UPSERT"})) == {"updated": 1}
    assert api.cell(item, PRICE)[0] == "5"


@pytest.mark.parametrize("column", [SEASON, "nothing", PRICE])
def test_items_are_matched_by_columns_of_the_file_that_can_be_matched(api, column):
    found = load(api, f"name,{SEASON}\nA,2025 FALL\n", {"match_column_id": column, "behaviour": "UPSERT"})
    assert (found["status"], found["failure_reason"]) == ("REJECTED", "INVALID_UPLOAD")


def test_subitem_rows_follow_their_item(api):
    columns = api.data("{ boards(ids: [9609317948]) { columns(types: [text, numbers]) { id type } } }")["boards"][0]["columns"]
    size = next(column["id"] for column in columns if column["type"] == "numbers")
    found = load(
        api,
        f"name,{PRICE},name.subitem,{size.upper()}.Subitem\nA,1,,\n,,Size S,3\n,,Size M,4\nB,many,,\n,,Size S,1\nC,1,Size S,1\n , ,,\n",
    )
    assert counts(found) == {"created": 3, "invalid": 2, "failed": 1, "skipped": 1}
    assert found["fully_imported"] is False
    (item,) = api.sandbox.board_snapshot(ITEMS_BOARD_ID)[0].items
    assert [(child.name, child.values[size]) for child in item.subitems] == [("Size S", "3"), ("Size M", "4")]


def test_subitems_are_created_only_and_need_their_column(api):
    assert load(api, f"name,{NUMBER},name.subitem\nA,1,\n", UPSERT)["failure_reason"] == "INVALID_UPLOAD"
    board = api.data('mutation { create_board(board_name: "B", board_kind: public, empty: true) { id } }')["create_board"]["id"]
    query = START.replace("9609317401", board)
    job = api.data(query, g="topics", m=None)["ingest_items"]
    put(job["upload_url"], "name,name.subitem\nA,\n")
    assert status(api, job)["failure_reason"] == "INVALID_UPLOAD"


def test_a_name_that_is_too_long_or_missing_is_invalid(api):
    found = load(api, f"name,{NUMBER}\n{'x' * 256},1\n,2\nA,3\n")
    assert counts(found) == {"invalid": 2, "created": 1}


def test_imports_begin_with_version_2026_07(api):
    answer = api.post(START, {"g": "topics"}, API_Version="2026-04")
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("query", [STATUS, BULK_STATUS])
def test_an_unknown_job_takes_the_whole_answer_with_it(api, query):
    body = api.post(query, {"j": "none"}).json()
    assert (body["data"], body["errors"][0]["extensions"]["code"]) == (None, "ResourceNotFoundException")


@pytest.mark.parametrize(("operation", "state"), [("bulk_archive_items", "archived"), ("bulk_delete_items", "deleted")])
def test_items_are_archived_or_deleted_in_bulk_by_a_job(api, operation, state):
    wanted = [api.create(name) for name in "AB"]
    kept = api.create("C")
    child = api.create_subitem(wanted[0], "S")
    query = f"mutation($i: [ID!]!) {{ {operation}(board_id: 9609317401, item_ids: $i) {{ job_id }} }}"
    job = api.data(query, i=[*wanted, 1])[operation]["job_id"]
    running = api.data(BULK_STATUS, j=job)["job_status"]
    assert (running["status"], running["result"], len(api.names())) == ("RUNNING", None, 3)
    api.clock.now += 10
    done = api.data(BULK_STATUS, j=job)["job_status"]
    assert (done["id"], done["status"]) == (job, "COMPLETED")
    assert done["result"] == {"total": 3, "succeeded": 2, "failed": 1, "details": {"failed_item_ids": ["1"]}}
    found = api.data("query($i: [ID!]) { items(ids: $i) { id state } }", i=[*wanted, kept, child])["items"]
    assert {item["id"]: item["state"] for item in found} == {
        **{str(item): state for item in [*wanted, child]},
        str(kept): "active",
    }


def test_how_many_ids_a_bulk_change_takes_is_a_switch(start):
    query = "mutation($i: [ID!]!) { bulk_archive_items(board_id: 9609317401, item_ids: $i) { job_id } }"
    api = start(switches=Switches(bulk_ids=2))
    assert api.refusal(query, i=[1, 2, 3])["extensions"]["code"] == "InvalidArgumentException"
    assert api.refusal(query, i=[])["extensions"]["code"] == "InvalidArgumentException"
    api.data(query, i=[1, 2])
