"""What the configuration file may say, and the words when it says something else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orders_platform.configuration import ENVIRONMENTS, Configuration, read_configuration
from orders_platform.domain.mapping import LabelPolicy
from orders_platform.errors import ConfigurationError
from orders_platform.settings import default_folder

TEXT = (default_folder("config") / "order_sync.toml").read_text(encoding="utf-8")


def written(tmp_path: Path, old: str = "", new: str = "", more: str = "") -> Path:
    """The real file with a part of it replaced, and with more at its end."""
    assert old in TEXT
    (tmp_path / "order_sync.toml").write_text(TEXT.replace(old, new, 1) + more, encoding="utf-8")
    return tmp_path / "order_sync.toml"


def read(tmp_path: Path, old: str = "", new: str = "", more: str = "", environment: str = "sandbox") -> Configuration:
    return read_configuration(written(tmp_path, old, new, more), environment)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_file_of_the_repository_is_right_for_every_environment(tmp_path: Path, environment: str) -> None:
    configuration = read(tmp_path, environment=environment)
    assert len(configuration.customer_names.scan([]).customers) == 0
    assert configuration.items.external_key == "text_mkr5wya6"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[tables]", "[tables]\nstagin = 'x'", "tables.stagin: unknown key; correct or remove it"),
        ("[tables]", "[colours]\nred = 1\n[tables]", "colours: unknown key"),
        ("staging = ", "# staging = ", "tables.staging: missing; add it"),
        ('column = "text_mkr5ej2x"', 'column = "text_mkr5wya6"',
         "two fields are mapped to the column text_mkr5wya6: AAG ORDER NUMBER and PO NUMBER"),
        ('external_key = "text_mkr5wya6"', 'external_key = "text_x"', "external_key text_x is not among the mapped columns"),
        ('external_key = "text_mkr5wya6"', "#", "items.external_key is missing"),
        ('column = "text_mkr5ej2x", type = "text"', 'column = "text_mkr5ej2x", type = "text", labels = "create"',
         "items.columns.1.labels: 'create' is for status and dropdown columns; text_mkr5ej2x is text"),
        ('column = "text_mkr5ej2x", type = "text"', 'column = "text_mkr5ej2x", type = "txt"', "items.columns.1.type"),
        ('source = "PO NUMBER"', "source = []", "items.columns.1.source"),
        ('source = "PO NUMBER", ', 'source = "PO NUMBER", clear = true, ', "items.columns.1.clear: unknown key"),
        ('source = "PO NUMBER"', 'sources = ["PO NUMBER"]', "items.columns.1.sources: unknown key"),
        ("max_sizes = 300", "max_sizes = 300\nrule = 1", "sizes.rule: unknown key"),
        ('subitem = "Size {size_code}"', 'subitem = "Size"', r"names.subitem: must contain {size_code}"),
        ('removed_orders = "keep"', 'removed_orders = "delete"', "policies.removed_orders: Input should be 'keep' or 'archive'"),
        ("max_removed_share = 0.20", "max_removed_share = 20", "policies.max_removed_share"),
        ('api_version = "2026-10"', 'api_version = "2026-11"', "monday.api_version"),
        ("batch_size = 25", "batch_size = 0", "monday.batch_size"),
        ("max_in_flight = 12", "max_in_flight = 'three'", "monday.max_in_flight"),
        ('unique = ["AAG ORDER NUMBER"]', "unique = []", "keys.unique"),
        ("board_id = 9609317401", "board_id = -1", "items.board_id"),
        ("max_sizes = 300", "max_sizes = 0", "sizes.max_sizes"),
        ('timezone = "UTC"', 'timezone = "Londn"',
         "automation.timezone: 'Londn' is not a time zone; use a name such as 'UTC' or 'Europe/London'"),
        ('timezone = "UTC"', 'timezone = "Europe"', "automation.timezone: 'Europe' is not a time zone"),
        ('timezone = "UTC"', 'timezone = "../UTC"', "automation.timezone: '../UTC' is not a time zone"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused_with_its_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(words)) as caught:
        read(tmp_path, old, new)
    assert str(tmp_path / "order_sync.toml") in str(caught.value)
    assert "sandbox" in str(caught.value)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, 'removed_orders = "keep"', 'removed_orders = "x"\nbogus = 1')
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(path, "sandbox")
    assert "policies.removed_orders" in str(caught.value)
    assert "policies.bogus: unknown key" in str(caught.value)


def test_two_customers_with_one_spelling_are_refused(tmp_path: Path) -> None:
    configuration = read(tmp_path, '"EQUINOX" = {}', '"EQUINOX" = { aliases = ["greyson  clothiers"] }')
    with pytest.raises(ConfigurationError, match="'EQUINOX' and 'GREYSON'"):
        _ = configuration.customer_names


def test_a_missing_file_is_refused_with_the_variable_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no configuration file .*nowhere.toml. Set ORDERS_CONFIG"):
        read_configuration(tmp_path / "nowhere.toml", "sandbox")


@pytest.mark.parametrize("content", [b"[tables", b"a = ", b"a = 1\na = 2", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"bad.toml cannot be read as TOML"):
        read_configuration(tmp_path / "bad.toml", "sandbox")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read as TOML"):
        read_configuration(tmp_path, "sandbox")


def test_an_unknown_environment_in_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\[environment.staging\] is unknown; the environments are sandbox"):
        read(tmp_path, more='\n[environment.staging.policies]\nremoved_orders = "keep"\n')


def test_an_environment_overrides_key_by_key_and_a_list_replaces_a_list(tmp_path: Path) -> None:
    more = '\n[environment.production.policies]\nremoved_orders = "archive"\n[environment.production.cleaning]\nnull_words = ["x"]\n'
    path = written(tmp_path, more=more)
    shared, production = read_configuration(path, "sandbox"), read_configuration(path, "production")
    assert (shared.policies.removed_orders, production.policies.removed_orders) == ("keep", "archive")
    assert production.policies.max_removed_share == shared.policies.max_removed_share
    assert production.cleaning.null_words == ("x",)
    assert production.cleaning.cancelled == shared.cleaning.cancelled
    assert production.monday.api_url == "https://api.monday.com/v2"
    assert shared.monday.api_url == "http://127.0.0.1:8765/v2"


def test_development_has_boards_of_its_own(tmp_path: Path) -> None:
    development, production = (read(tmp_path, environment=name) for name in ("development", "production"))
    assert development.items.board_id != production.items.board_id
    assert "TOTAL QTY" not in development.mapped_sources
    assert "TOTAL QTY" in production.mapped_sources


def test_a_single_source_and_a_list_of_fallbacks_are_both_fine(tmp_path: Path) -> None:
    fields = {field.column_id: field for field in read(tmp_path).items.fields}
    assert fields["text_mkr5ej2x"].sources == ("PO NUMBER",)
    assert fields["text_mkr5ps35"].sources == ("DESTINATION WAREHOUSE", "Warehouse")
    assert (fields["dropdown_mkr58de6"].labels, fields["dropdown_mkr542p2"].labels) == (LabelPolicy.CREATE, LabelPolicy.REJECT)


def test_a_customers_own_keys_replace_the_shared_ones(tmp_path: Path) -> None:
    own = '"EQUINOX" = { unique_keys = ["PO NUMBER"], extra_checks = ["CUSTOMER STYLE", "PO NUMBER"] }'
    configuration = read(tmp_path, '"EQUINOX" = {}', own)
    assert configuration.keys_of("EQUINOX").unique == ("PO NUMBER",)
    assert configuration.keys_of("EQUINOX").extra == ("CUSTOMER STYLE",)
    assert configuration.keys_of("NOBODY") == configuration.keys_of("GREYSON")
    assert configuration.keys_of("GREYSON").unique == ("AAG ORDER NUMBER",)


def test_each_mapped_order_column_is_named_once(tmp_path: Path) -> None:
    sources = read(tmp_path).mapped_sources
    assert len(sources) == len(set(sources)) == 46
