"""What `config/order_sync.toml` may say, as one checked value.

Belongs here: the shape of the file, its checks, and their words. Does not belong here: where the file is and which environment
applies (`settings.py`, the only reader of the environment), comparing the mapping with a real board (`domain/preflight.py`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from orders_platform.domain import mapping
from orders_platform.domain.customers import CustomerNames
from orders_platform.domain.mapping import BoardMapping, ColumnType, LabelPolicy
from orders_platform.domain.names import NameRule
from orders_platform.domain.sizes import SizeRule
from orders_platform.errors import ConfigurationError
from orders_platform.operations import Alerts, Automation, Checks
from orders_platform.report_settings import ReportSettings
from orders_platform.upkeep_settings import UpkeepSettings

ENVIRONMENTS = ("sandbox", "development", "production")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)


class Tables(_Section):
    """Names of the tables; `schema_name` is empty for the login's default schema."""

    model_config = ConfigDict(str_min_length=0)
    schema_name: str = Field("", alias="schema")
    staging: str
    orders: str
    staged_lines: str
    lines: str
    log: str
    rejects: str
    customers: str
    order_sync_status: str = Field("v_order_sync_status", min_length=1)
    customer_summary: str = Field("v_customer_summary", min_length=1)


class Columns(_Section):
    """The order columns that rules speak of."""

    customer: str
    source_customer: str
    file: str
    order_type: str
    total: str


class Sizes(_Section):
    """Where the sizes stand and which spellings are one size."""

    after: str
    before: str
    max_sizes: int = Field(gt=0, le=1000)
    one_size_code: str
    one_size_columns: tuple[str, ...]

    @property
    def rule(self) -> SizeRule:
        """As the domain wants it."""
        return SizeRule(self.after, self.before, self.max_sizes, self.one_size_code, self.one_size_columns)


class Cleaning(_Section):
    """What counts as blank, and how order types are written."""

    null_words: tuple[str, ...]
    not_available_words: tuple[str, ...]
    not_available_columns: tuple[str, ...]
    date_placeholders: tuple[str, ...]
    order_types: Mapping[str, str]
    cancelled: str
    phantom_columns: tuple[str, ...]


class Keys(_Section):
    """Which columns identify an order."""

    unique: tuple[str, ...] = Field(min_length=1)
    extra: tuple[str, ...] = ()


class Names(_Section):
    """How groups, items and subitems are called."""

    group: NameRule = Field(min_length=1)
    item: NameRule = Field(min_length=1)
    subitem: str

    @field_validator("subitem")
    @classmethod
    def _has_size(cls, value: str) -> str:
        if "{size_code}" not in value:
            raise ValueError("must contain {size_code}, or all subitems of an order would share one name")
        return value


class Policies(_Section):
    """What to do where two answers are right."""

    unknown_customers: Literal["reject", "accept"]
    removed_orders: Literal["keep", "archive"]
    max_removed_share: float = Field(ge=0, le=1)
    removed_lines: Literal["zero", "archive"]
    deleted_on_board: Literal["recreate", "leave"]


class Monday(_Section):
    """How monday.com is reached and how fast."""

    api_url: str
    api_version: str = Field(pattern=r"^\d{4}-(01|04|07|10)$")
    plan: Literal["trial", "basic", "pro", "enterprise"]
    token_kind: Literal["personal", "app"]
    batch_size: int = Field(gt=0, le=100, validation_alias=AliasChoices("batch_size", "document_size"))
    max_in_flight: int = Field(gt=0, le=40)
    timeout_seconds: float = Field(gt=0, le=300)
    settle_seconds: float = Field(ge=0)
    index_lag_seconds: float = Field(ge=0)
    key_lifetime_seconds: float = Field(ge=0)
    max_tries: int = Field(gt=0)
    may_create_labels: bool
    log_retention_days: int = Field(180, ge=2)  # the day's calls are counted out of the log


class FieldEntry(_Section):
    """One line of `columns`: which order columns feed which board column."""

    source: Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)] = Field(
        min_length=1
    )
    column: str
    type: ColumnType
    labels: LabelPolicy | None = None

    @model_validator(mode="after")
    def _labels_fit(self) -> FieldEntry:
        if self.labels is not None and not self.type.has_labels:
            raise ValueError(
                f"{self.column}: labels = {self.labels.value!r} is for status and dropdown columns, not for {self.type.value}"
            )
        return self

    @property
    def field(self) -> mapping.Field:
        """As the domain wants it."""
        return mapping.Field(self.source, self.column, self.type, self.labels or LabelPolicy.REJECT)


class BoardSection(_Section):
    """One board and what it receives."""

    board_id: int = Field(gt=0)
    external_key: str | None = None
    columns: tuple[FieldEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_field_a_column(self) -> BoardSection:
        sources: dict[str, tuple[str, ...]] = {}
        for entry in self.columns:
            if entry.column in sources:
                raise ValueError(
                    f"two fields are mapped to the column {entry.column}: {' / '.join(sources[entry.column])} and "
                    f"{' / '.join(entry.source)}; give it one field, with the second as fallback: source = [...]"
                )
            sources[entry.column] = entry.source
        if self.external_key is not None and self.external_key not in sources:
            raise ValueError(f"external_key {self.external_key} is not among the mapped columns; map it, or choose one that is")
        return self

    @property
    def mapping(self) -> BoardMapping:
        """As the domain wants it."""
        return BoardMapping(self.board_id, tuple(entry.field for entry in self.columns), self.external_key)


class CustomerEntry(_Section):
    """A customer: other spellings of its name, and its own keys where they differ."""

    aliases: tuple[str, ...] = ()
    unique_keys: tuple[str, ...] | None = None
    extra_checks: tuple[str, ...] | None = None


class Configuration(_Section):
    """The whole file, for one environment."""

    tables: Tables
    columns: Columns
    sizes: Sizes
    cleaning: Cleaning
    keys: Keys
    names: Names
    policies: Policies
    monday: Monday
    reports: ReportSettings = ReportSettings()
    upkeep: UpkeepSettings = UpkeepSettings()
    automation: Automation = Automation()
    checks: Checks = Checks()
    alerts: Alerts = Alerts()
    items: BoardSection
    subitems: BoardSection
    customers: Mapping[str, CustomerEntry]

    @model_validator(mode="after")
    def _items_have_a_key(self) -> Configuration:
        if self.items.external_key is None:
            raise ValueError("items.external_key is needed: without it an item cannot be found again after a lost reply")
        return self

    @property
    def customer_names(self) -> CustomerNames:
        """The resolver of spellings. Raises `ConfigurationError` when two customers share one."""
        aliases = {name: entry.aliases for name, entry in self.customers.items()}
        return CustomerNames(aliases, accept_unknown=self.policies.unknown_customers == "accept")

    def keys_of(self, customer: str) -> Keys:
        """The key columns of one customer."""
        entry = self.customers.get(customer, CustomerEntry())
        unique = self.keys.unique if entry.unique_keys is None else entry.unique_keys
        extra = self.keys.extra if entry.extra_checks is None else entry.extra_checks
        return Keys(unique=unique, extra=tuple(name for name in extra if name not in unique))

    @property
    def mapped_sources(self) -> tuple[str, ...]:
        """The order columns that reach the items board, each once."""
        return tuple(dict.fromkeys(source for entry in self.items.columns for source in entry.source))


def read_configuration(path: Path, environment: str) -> Configuration:
    """Read and check the file for one environment.

    Raises:
        ConfigurationError: the file is absent or no TOML, has an unknown key or environment, or any value is refused; every
            problem is named with its place.
    """
    try:
        return _checked(path.read_text(encoding="utf-8"), path, environment)
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {path}. Set ORDERS_CONFIG to the path of order_sync.toml."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read as TOML: {error}. Correct the file.") from None


@lru_cache(maxsize=8)
def _checked(text: str, path: Path, environment: str) -> Configuration:
    """The same text is checked once: a Dagster run asks for its settings some twenty times."""
    document = tomllib.loads(text)
    environments = document.pop("environment", {})
    unknown = sorted(set(environments) - set(ENVIRONMENTS))
    if unknown:
        raise ConfigurationError(
            f"{path}: [environment.{unknown[0]}] is unknown; the environments are {', '.join(ENVIRONMENTS)}."
        )
    try:
        return Configuration.model_validate(_merged(document, environments.get(environment, {})))
    except ValidationError as error:
        raise ConfigurationError(f"{path} is refused ({environment}):\n{_problems(error)}") from None


def _merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    merged = dict(base)
    for key, value in over.items():
        merged[key] = _merged(old, value) if isinstance(old := base.get(key), Mapping) and isinstance(value, Mapping) else value
    return merged


def _problems(error: ValidationError) -> str:
    words = {"extra_forbidden": "unknown key; remove or correct it", "missing": "is missing; add it"}
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in problem["loc"]) or "file"
        lines.append(f"  {place}: {words.get(problem['type'], problem['msg'].removeprefix('Value error, '))}")
    return "\n".join(lines)
