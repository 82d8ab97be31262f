"""The configuration file `config/order_sync.toml` as one checked, typed value.

A class a section, in the order of the file, whose comments say what each key means. `read_configuration` names every problem at once,
each with its place in the file.
"""

import re
import tomllib
from collections.abc import Mapping, MutableMapping
from copy import deepcopy
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic.dataclasses import dataclass

from orders_platform.domain import mapping
from orders_platform.domain.customers import CustomerNames
from orders_platform.domain.guards import GuardKind, GuardRule
from orders_platform.domain.mapping import BoardMapping, LabelPolicy, NameRule, OnDeleted, OnRenamed
from orders_platform.domain.sizes import SizeRule
from orders_platform.errors import ConfigurationError

ENVIRONMENTS = ("sandbox", "development", "production")

# The file says `source` and `columns`; `dataclasses.replace` needs the names of the attributes.
_STRICT = ConfigDict(extra="forbid", str_min_length=1, validate_by_name=True)


def _like(pattern: str, otherwise: str) -> AfterValidator:
    """A text that the whole pattern fits; else it is said what is wrong."""

    def checked(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(otherwise.replace("VALUE", repr(value)))
        return value

    return AfterValidator(checked)


class _Section(BaseModel):
    model_config = ConfigDict(**_STRICT, frozen=True)


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
    loads: str = Field("ORDER_LOADS", min_length=1)
    order_sync_status: str = Field("v_order_sync_status", min_length=1)
    customer_summary: str = Field("v_customer_summary", min_length=1)


class OrderColumn(_Section):
    """A column of the order list: its type in the database, and other headers that files have for it."""

    type: str = Field(pattern=r"^(nvarchar\([1-9]\d{0,3}\)|decimal\([1-9]\d?, ?\d\d?\)|long_text|integer|date)$")
    headers: tuple[str, ...] = ()


class Columns(_Section):
    """Order columns that have a meaning of their own."""

    customer: str
    source_customer: str
    file: str
    order_type: str
    total: str


@dataclass(frozen=True, config=_STRICT)
class Sizes(SizeRule):
    """Which columns are sizes, and which spellings mean one size."""

    max_sizes: Annotated[int, Field(gt=0, le=1000)]


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
    """How groups, items and subitems are named."""

    group: NameRule = Field(min_length=1)
    item: NameRule = Field(min_length=1)
    subitem: Annotated[
        str, _like(r"(?s).*\{size_code\}.*", "must contain {size_code}, or all subitems of an order have one name")
    ]


class Policies(_Section):
    """Choices that belong to the business."""

    unknown_customers: Literal["reject", "accept"]
    removed_orders: Literal["keep", "archive"]
    max_removed_share: float = Field(ge=0, le=1)
    min_removed_orders: int = Field(3, ge=1)
    max_emptied_share: float = Field(0.8, ge=0, le=1)
    min_emptied_orders: int = Field(3, ge=1)
    removed_lines: Literal["zero", "archive"]
    deleted_on_board: OnDeleted
    renamed_groups: OnRenamed = "restore"


class Monday(_Section):
    """How to reach monday.com, and how fast to send."""

    api_url: str
    api_version: str = Field(pattern=r"^\d{4}-(01|04|07|10)$")
    plan: Literal["trial", "basic", "pro", "enterprise"]
    token_kind: Literal["personal", "app"]
    batch_size: int = Field(gt=0, le=100, validation_alias=pydantic.AliasChoices("batch_size", "document_size"))
    max_in_flight: int = Field(gt=0, le=40)
    timeout_seconds: float = Field(gt=0, le=300)
    settle_seconds: float = Field(ge=0)
    index_lag_seconds: float = Field(ge=0)
    key_lifetime_seconds: float = Field(ge=0)
    max_tries: int = Field(gt=0)
    may_create_labels: bool
    log_retention_days: int = Field(180, ge=2)  # today's calls are counted from the log

    @property
    def final_after(self) -> float:
        """Seconds after which a request is final: surely over, and its effect visible on the board."""
        return self.settle_seconds + self.index_lag_seconds

    def log_kept_from(self, now: datetime) -> datetime:
        """From when on the log is kept; what is older may be deleted."""
        return now - timedelta(days=self.log_retention_days)


@dataclass(frozen=True, config=_STRICT)
class FieldEntry(mapping.Field):
    """One line of `columns`: a board column and the order columns that fill it."""

    sources: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
        Field(alias="source", min_length=1),
    ]
    column_id: Annotated[str, Field(alias="column")]

    @pydantic.field_validator("labels")
    @classmethod
    def _labels_fit(cls, value: LabelPolicy, info: ValidationInfo) -> LabelPolicy:
        kind, column = info.data.get("type"), info.data.get("column_id")
        if value is not LabelPolicy.REJECT and kind is not None and not kind.has_labels:
            raise ValueError(f"{value.value!r} is for status and dropdown columns; {column} is {kind.value}")
        return value


@dataclass(frozen=True, config=_STRICT)
class BoardSection(BoardMapping):
    """One board and its columns."""

    board_id: Annotated[int, Field(ge=0)]  # 0: `board init` has not made it yet
    fields: Annotated[tuple[FieldEntry, ...], Field(alias="columns", min_length=1)]

    @pydantic.model_validator(mode="after")
    def _one_field_a_column(self) -> Self:
        sources: dict[str, tuple[str, ...]] = {}
        for field in self.fields:
            if field.column_id in sources:
                raise ValueError(
                    f"two fields are mapped to the column {field.column_id}: {' / '.join(sources[field.column_id])} and "
                    f"{' / '.join(field.sources)}; keep one field and list both as its source: source = [...]"
                )
            sources[field.column_id] = field.sources
        key = self.external_key
        if key is not None and key not in sources:
            raise ValueError(f"external_key {key} is not among the mapped columns; add it to columns, or name one of them")
        return self


class CustomerEntry(_Section):
    """A customer: other spellings of its name, and keys of its own where they differ from `[keys]`."""

    aliases: tuple[str, ...] = ()
    unique_keys: tuple[str, ...] | None = None
    extra_checks: tuple[str, ...] | None = None


Link = Annotated[str, _like("(https?://.*)?", "VALUE is not an http(s) URL"), AfterValidator(lambda value: value.rstrip("/"))]
Owner = Annotated[
    str, _like(r"team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+", "VALUE is not an owner; write team:NAME or a mail address")
]


class Reports(_Section):
    """Links and owners that people see; an empty link is left out."""

    model_config = ConfigDict(str_min_length=0)
    folder: str = ""
    board_url: Link = ""
    code_url: Link = ""
    owners: tuple[Owner, ...] = ()


class Upkeep(_Section):
    """How long Dagster keeps finished runs."""

    run_retention_days: int = Field(30, ge=1)


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # `Europe` is a folder: OSError
        raise ValueError(f"{value!r} is not a time zone; use a name such as 'UTC' or 'Europe/London'") from None
    return value


Timezone = Annotated[str, AfterValidator(_timezone)]


class Automation(_Section):
    """When Dagster starts runs by itself; switches and cron expressions are checked where Dagster loads them."""

    starts_running: bool = True
    switches: Mapping[str, bool] = {}  # of sensors and schedules, whatever `starts_running` says
    timezone: Timezone = "UTC"
    nightly: str = "0 2 * * *"
    survey: str = "0 * * * *"
    checks: str = "*/15 * * * *"
    verification: str = "0 4 * * 0"
    summary: str = "0 7 * * *"
    housekeeping: str = "30 5 * * *"
    changes_seconds: int = Field(60, ge=5)
    repeat_minutes: int = Field(60, ge=1)

    def is_on(self, name: str, *, otherwise: bool | None = None) -> bool:
        """Whether a sensor or schedule is on after the first start; `otherwise` stands in for `starts_running`."""
        return self.switches.get(name, self.starts_running if otherwise is None else otherwise)


class Checks(_Section):
    """Limits above which a check fails."""

    stuck_pending_minutes: int = Field(30, ge=1)
    stuck_new_minutes: int = Field(240, ge=1)
    staging_hours: int = Field(72, ge=1)
    max_wrong_totals_share: float = Field(0.5, gt=0, le=1)
    min_wrong_totals: int = Field(3, ge=1)
    shown_rows: int = Field(20, ge=1, le=1000)


class Files(_Section):
    """Which order files Dagster loads by itself."""

    model_config = ConfigDict(str_min_length=0)
    folder: str = ""


class Alerts(_Section):
    """What an alert contains; ORDERS_ALERT_URLS says where it goes."""

    ui_url: str = "http://127.0.0.1:3000"


class Configuration(_Section):
    """The whole file, for one environment."""

    tables: Tables
    order_list: Mapping[
        str, Annotated[OrderColumn, BeforeValidator(lambda value: {"type": value} if isinstance(value, str) else value)]
    ]
    columns: Columns
    sizes: Sizes
    cleaning: Cleaning
    keys: Keys
    names: Names
    policies: Policies
    monday: Monday
    reports: Reports = Reports()
    upkeep: Upkeep = Upkeep()
    automation: Automation = Automation()
    checks: Checks = Checks()
    alerts: Alerts = Alerts()
    files: Files = Files()
    items: BoardSection
    subitems: BoardSection
    customers: Mapping[str, CustomerEntry]

    @pydantic.model_validator(mode="after")
    def _items_have_a_key(self) -> Self:
        if self.items.external_key is None:
            raise ValueError("items.external_key is missing; without it an item cannot be found again after a lost reply")
        return self

    @property
    def customer_names(self) -> CustomerNames:
        """Finds a customer by any spelling. Raises `ConfigurationError` when two customers share one."""
        aliases = {name: entry.aliases for name, entry in self.customers.items()}
        return CustomerNames(aliases, header=self.columns.customer, accept_unknown=self.policies.unknown_customers == "accept")

    def keys_of(self, customer: str) -> Keys:
        entry = self.customers.get(customer, CustomerEntry())
        unique = self.keys.unique if entry.unique_keys is None else entry.unique_keys
        extra = self.keys.extra if entry.extra_checks is None else entry.extra_checks
        return Keys(unique=unique, extra=tuple(name for name in extra if name not in unique))

    @property
    def guard_rules(self) -> Mapping[GuardKind, GuardRule]:
        policies, checks = self.policies, self.checks
        return {
            GuardKind.VANISHED_ORDERS: GuardRule(policies.max_removed_share, policies.min_removed_orders),
            GuardKind.EMPTIED_COLUMNS: GuardRule(policies.max_emptied_share, policies.min_emptied_orders),
            GuardKind.WRONG_TOTALS: GuardRule(checks.max_wrong_totals_share, checks.min_wrong_totals),
        }

    @property
    def mapped_sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(source for field in self.items.fields for source in field.sources))


def read_configuration(path: Path, environment: str, default: Path | None = None) -> Configuration:
    """Read and check the file for one environment; one that lists no columns of the order list has those of the default.

    Raises `ConfigurationError`: it is absent, is not TOML, or holds anything unknown, missing or wrong; names each with its place.
    """
    try:
        return _checked(path.read_text(encoding="utf-8"), path, environment, default)
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {path}. Set ORDERS_CONFIG to the path of order_sync.toml."
        ) from None
    except (OSError, ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number or brackets without end
        raise ConfigurationError(f"{path} cannot be read as TOML: {error}. Correct the file.") from None


def write_board(path: Path, environment: str, section: str, board_id: int, ids: Mapping[str, str]) -> None:
    """Write the ids of a board and its columns into the file, for one environment; comments and all the rest stay as they are.

    `section` is `items` or `subitems`; `ids` are those of the columns, by the one that the file has, written where they
    are others. Raises `ConfigurationError` when the file cannot be read or written.
    """
    import tomlkit  # here, since nothing else writes a configuration

    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        part: MutableMapping[str, Any] = document
        for name in ("environment", environment, section):
            part = part.setdefault(name, tomlkit.table(is_super_table=name != section))
        shared = document.get(section, {})
        part["board_id"] = board_id
        key = part.get("external_key", shared.get("external_key"))
        if any(old != new for old, new in ids.items()):
            part["columns"] = columns = deepcopy(part.get("columns", shared.get("columns")))
            for entry in columns:
                entry["column"] = ids.get(entry["column"], entry["column"])
            if key in ids:
                part["external_key"] = ids[key]
        file = path.resolve()
        draft = file.with_name(f"{file.name}.new")
        draft.write_text(tomlkit.dumps(document), encoding="utf-8")
        draft.chmod(file.stat().st_mode & 0o777)
        draft.replace(file)
    except (OSError, ValueError) as error:  # tomlkit's errors are ValueErrors
        raise ConfigurationError(f"{path} cannot be written: {error}. Board {board_id} is {section}.board_id.") from None


@lru_cache(maxsize=8)
def _checked(text: str, path: Path, environment: str, default: Path | None) -> Configuration:
    """Cached: a Dagster run reads its settings some twenty times."""
    document = tomllib.loads(text)
    if "order_list" not in document and default is not None:
        document["order_list"] = tomllib.loads(default.read_text(encoding="utf-8"))["order_list"]
    environments = document.pop("environment", {})
    if not isinstance(environments, dict) or not all(isinstance(each, dict) for each in environments.values()):
        raise ConfigurationError(f"{path}: environment must be tables, [environment.sandbox] and so on.")
    if unknown := sorted(set(environments) - set(ENVIRONMENTS)):
        known = ", ".join(ENVIRONMENTS)
        raise ConfigurationError(f"{path}: [environment.{unknown[0]}] is unknown; the environments are {known}.")
    try:
        return Configuration.model_validate(_merged(document, environments.get(environment, {})), by_alias=True, by_name=False)
    except ValidationError as error:
        raise ConfigurationError(f"{path} is not valid for the environment {environment}:\n{problems(error)}") from None


def _merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    merged = dict(base)
    for key, value in over.items():
        merged[key] = _merged(old, value) if isinstance(old := base.get(key), Mapping) and isinstance(value, Mapping) else value
    return merged


def problems(error: ValidationError) -> str:
    """What a validation found, each on a line with its place."""
    unknown = "unknown key; correct or remove it"
    words = {"extra_forbidden": unknown, "unexpected_keyword_argument": unknown, "missing": "missing; add it"}
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in problem["loc"]) or "file"
        lines.append(f"  {place}: {words.get(problem['type'], problem['msg'].removeprefix('Value error, '))}")
    return "\n".join(lines)
