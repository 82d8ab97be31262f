"""`board init` and `board check --create-labels`: an empty or partly made board is made to fit, once, and the file learns its ids."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from orders_platform.configuration import read_configuration, write_board
from orders_platform.settings import Settings
from orders_platform_tests.testing.terminal import Terminal
from orders_platform_tests.testing.workplace import Workplace, samples_of

COLUMNS = 45
QUICK = ("settle_seconds = 5\nindex_lag_seconds = 0", "settle_seconds = 0\nindex_lag_seconds = 0")


@pytest.fixture
def own(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of the user's, which does not wait."""
    file = workplace.configure(QUICK)
    monkeypatch.setenv("ORDERS_CONFIG", str(file))
    return file


def columns_of(place: Workplace, board_id: int) -> list[tuple[str, str, str]]:
    found = place.graphql(f"{{ boards(ids: [{board_id}]) {{ columns {{ id title type }} }} }}")
    return [(each["id"], each["title"], each["type"]) for each in found["boards"][0]["columns"]]


def labels_of(place: Workplace, board_id: int, column: str) -> list[str]:
    found = place.graphql(f'{{ boards(ids: [{board_id}]) {{ columns(ids: ["{column}"]) {{ settings }} }} }}')
    return [each["label"] for each in found["boards"][0]["columns"][0]["settings"]["labels"]]


def test_a_board_is_made_of_nothing_and_the_orders_go_onto_it(workplace: Workplace, terminal: Terminal, own: Path) -> None:
    before = own.read_text(encoding="utf-8")
    made = terminal("board", "init", "--new", "Orders of 2026", "--json")
    assert made.code == 0, made.err + made.out
    assert made.document["found"] == 0
    assert sum(each.startswith("column ") for each in made.document["made"]) == COLUMNS + 2
    assert made.document["steps"] == [
        "board 'Orders of 2026' is private to the owner of the token: share it with those who are to see it"
    ]
    configuration = Settings().configuration
    assert configuration.items.board_id == made.document["board_id"]
    assert (
        configuration.items.fields == read_configuration(Path(Settings().config_path), "production").items.fields
    )  # ids as wished
    titles = [title for _, title, _ in columns_of(workplace, configuration.items.board_id)]
    assert titles == ["Name", *(field.sources[0] for field in configuration.items.fields), "Subitems"]
    assert labels_of(workplace, configuration.items.board_id, "dropdown_mkr542p2") == sorted(configuration.customers)
    after = own.read_text(encoding="utf-8")
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []  # comments and all
    assert tomllib.loads(after)["items"] == tomllib.loads(before)["items"]  # production keeps its board
    workplace.stage(samples_of("B'HOOD", "BHOOD"))
    terminal("sync", "--execute")
    assert sum(map(len, workplace.board.values())) == 24
    assert (
        "4 labels of UNIT OF MEASURE: EACH, PAIR, PCS, SET" in terminal("board", "check", "--create-labels").out
    )  # known since the orders are
    assert terminal("sync", "--execute", "--strict").code == 0
    assert terminal("board", "check").code == 0


def test_a_second_run_makes_nothing(workplace: Workplace, terminal: Terminal, own: Path) -> None:
    terminal("board", "init", "--new", "Orders")
    text, mutations = own.read_text(encoding="utf-8"), workplace.mutations
    again = terminal("board", "init", "--json")
    assert again.code == 0, again.err
    assert (again.document["made"], again.document["steps"]) == ([], [])
    assert again.document["found"] == COLUMNS + 2
    assert workplace.mutations == mutations
    assert own.read_text(encoding="utf-8") == text


def test_a_dry_run_makes_and_writes_nothing(workplace: Workplace, terminal: Terminal, own: Path) -> None:
    text = own.read_text(encoding="utf-8")
    told = terminal("board", "init", "--new", "Orders", "--dry-run", "--json")
    assert told.code == 0, told.err
    assert workplace.mutations == 0
    assert own.read_text(encoding="utf-8") == text
    assert sorted(terminal("board", "init", "--new", "Orders", "--json").document["made"]) == sorted(told.document["made"])


def test_a_partly_made_board_keeps_what_it_has(workplace: Workplace, terminal: Terminal, own: Path) -> None:
    made = workplace.graphql('mutation { create_board(board_name: "Mine", board_kind: public, empty: true) { id } }')
    board_id = int(made["create_board"]["id"])
    column = f'create_column(board_id: {board_id}, title: "po number", column_type: '
    theirs = workplace.graphql(f"mutation {{ a: {column}text) {{ id }} b: {column}numbers) {{ id }} }}")
    outcome = terminal("board", "init", "--board", str(board_id), "--json")
    assert outcome.code == 0, outcome.err + outcome.out
    assert outcome.document["found"] == 1
    fields = {field.sources[0]: field.column_id for field in Settings().configuration.items.fields}
    assert fields["PO NUMBER"] == theirs["a"]["id"]
    assert fields["AAG ORDER NUMBER"] == Settings().configuration.items.external_key == "text_mkr5wya6"
    assert len(columns_of(workplace, board_id)) == 1 + 1 + COLUMNS + 1  # the name, their numbers, ours, the subitems
    assert "the id" not in outcome.err


def test_an_id_that_monday_will_not_have_is_left_to_it(workplace: Workplace, terminal: Terminal, own: Path) -> None:
    terminal("board", "init", "--new", "Orders")
    items = Settings().configuration.items
    workplace.graphql(f'mutation {{ delete_column(board_id: {items.board_id}, column_id: "{items.external_key}") {{ id }} }}')
    outcome = terminal("board", "init", "--json")
    assert outcome.document["made"] == ["column AAG ORDER NUMBER (text)"]
    renewed = Settings().configuration.items
    assert renewed.external_key != items.external_key
    assert renewed.external_key in [column for column, _, _ in columns_of(workplace, items.board_id)]
    assert [field.sources for field in renewed.fields] == [field.sources for field in items.fields]


@pytest.mark.parametrize("stopped_at", [0, 1, 2, 25, 47, 48, 49])
def test_a_run_that_is_stopped_goes_on_without_making_anything_twice(
    workplace: Workplace, terminal: Terminal, own: Path, stopped_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orders_platform.monday.adapter import MondayBoard

    sent, send = [], MondayBoard.send

    def stops(board: MondayBoard, *arguments: object, **named: object) -> object:
        if len(sent) == stopped_at:
            raise KeyboardInterrupt
        sent.append(arguments)
        return send(board, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(MondayBoard, "send", stops)
        assert terminal("board", "init", "--new", "Orders").code == 130
    outcome = terminal("board", "init", "--new", "Orders") if stopped_at < 2 else terminal("board", "init")
    assert outcome.code == 0, outcome.err + outcome.out
    boards = workplace.graphql("{ boards(limit: 100) { name id } }")["boards"]
    assert [each["name"] for each in boards].count("Orders") == 1
    columns = columns_of(workplace, Settings().configuration.items.board_id)
    assert len(columns) == len({title for _, title, _ in columns}) == 1 + COLUMNS + 1
    assert len(columns_of(workplace, Settings().configuration.subitems.board_id)) == 3


def test_columns_of_another_type_and_labels_too_long_are_left_to_a_person(
    workplace: Workplace, terminal: Terminal, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = workplace.graphql('mutation { create_board(board_name: "Mine", board_kind: public, empty: true) { id } }')
    board_id = int(made["create_board"]["id"])
    column = f'create_column(board_id: {board_id}, id: "text_mkr5ej2x", title: "PO", column_type: numbers)'
    workplace.graphql(f"mutation {{ {column} {{ id }} }}")
    workplace.stage([{**samples_of("GREYSON")[0], "UNIT OF MEASURE": "A UNIT OF MORE THAN THIRTY CHARACTERS"}])
    terminal("sync")  # a dry run: the values are not in the database
    outcome = terminal("board", "init", "--board", str(board_id), "--json")
    assert outcome.code == 1
    (step,) = outcome.document["steps"]
    assert "'PO' (text_mkr5ej2x) is of type numbers, the configuration says text" in step


def test_a_file_that_lists_no_columns_of_the_order_list_keeps_the_samples(
    workplace: Workplace, terminal: Terminal, own: Path
) -> None:
    listed = Settings().configuration.order_list
    before, _, rest = own.read_text(encoding="utf-8").partition("[order_list]")
    own.write_text(before + rest[rest.index("# ------") :], encoding="utf-8")
    assert Settings().configuration.order_list == listed
    assert terminal("board", "init", "--new", "Orders").code == 0
    assert "[order_list]" not in own.read_text(encoding="utf-8")
    assert Settings().configuration.order_list == listed


@pytest.mark.parametrize("named", [None, "config/order_sync.toml"])
def test_the_configuration_of_the_sample_is_never_written(
    workplace: Workplace, terminal: Terminal, named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if named:
        monkeypatch.chdir(Path(__file__).parents[2])
        monkeypatch.setenv("ORDERS_CONFIG", named)
    outcome = terminal("board", "init", "--new", "Orders")
    assert outcome.code == 2
    assert "name it: --config FILE" in outcome.err
    assert workplace.mutations == 0


def test_a_board_must_be_named_and_one_in_use_is_not_taken_by_its_name(
    workplace: Workplace, terminal: Terminal, own: Path
) -> None:
    text = own.read_text(encoding="utf-8").replace("[items]\nboard_id = 9609317401", "[items]\nboard_id = 0")
    own.write_text(text, encoding="utf-8")
    assert "--new NAME" in terminal("board", "init").err
    workplace.graphql('mutation { create_board(board_name: "orders", board_kind: public) { id } }')
    outcome = terminal("board", "init", "--new", "Orders")
    assert (outcome.code, workplace.mutations) == (2, 1)
    assert "There is a board 'Orders' already" in outcome.err


def test_missing_labels_are_made_and_the_others_stay(workplace: Workplace, terminal: Terminal, own: Path) -> None:
    text = own.read_text(encoding="utf-8").replace('"ACTIVELY BLACK" = {}', '"ACTIVELY BLACK" = {}\n"NEW BRAND" = {}')
    own.write_text(text, encoding="utf-8")
    workplace.stage([{**samples_of("GREYSON")[0], "UNIT OF MEASURE": "BUSHEL"}])
    terminal("sync", "--execute")
    board_id = Settings().configuration.items.board_id
    before = labels_of(workplace, board_id, "dropdown_mkr542p2"), labels_of(workplace, board_id, "color_mkr5yf27")
    outcome = terminal("board", "check", "--create-labels", "--json")
    assert outcome.code == 0, outcome.err
    assert len(outcome.document["made"]) == 2
    assert labels_of(workplace, board_id, "dropdown_mkr542p2") == [*before[0], "NEW BRAND"]
    assert labels_of(workplace, board_id, "color_mkr5yf27") == [*before[1], "BUSHEL"]
    mutations = workplace.mutations
    assert terminal("board", "check", "--create-labels").code == 0
    assert workplace.mutations == mutations


def test_ids_go_into_the_part_of_their_environment(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text((Path(__file__).parents[2] / "config" / "order_sync.toml").read_text(encoding="utf-8"), encoding="utf-8")
    others = [read_configuration(file, name) for name in ("sandbox", "development")]
    write_board(file, "production", "items", 77, {"text_mkr5wya6": "text_other"})
    found = read_configuration(file, "production").items
    assert (found.board_id, found.external_key, found.fields[0].column_id) == (77, "text_other", "text_other")
    assert [read_configuration(file, name) for name in ("sandbox", "development")] == others
