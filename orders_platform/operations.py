"""How the platform is run and watched: the sections [automation], [checks] and [alerts] of the configuration.

Belongs here: their shape and defaults. Does not belong here: the rest of the file (`configuration.py`), secrets (`settings.py`), what
is done with the figures (`sensors.py`, `schedules.py`, `checks/`, `alerts.py`).
"""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_CRON_FIELDS: tuple[
    tuple[str, int, int, list[str]], ...
] = (  # what stands for any value; lowest and highest number; names from the lowest on
    ("*", 0, 59, []),
    ("*", 0, 23, []),
    ("*?l", 1, 31, []),
    ("*", 1, 12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    ("*?", 0, 7, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
)


def _cron(value: str) -> str:
    """Dagster's rule in our words; asking Dagster itself would import it for every command."""
    fields = value.lower().split()
    fits = len(fields) == len(_CRON_FIELDS) and all(
        _fits(field, *rule) for field, rule in zip(fields, _CRON_FIELDS, strict=True)
    )
    if not fits or (fields[2] in {"30", "31"} and fields[3] in {"2", "feb"}):
        raise ValueError(f"{value!r} is no cron of five fields (minute hour day month weekday); write e.g. '0 2 * * *'")
    return value


def _fits(field: str, any_value: str, lowest: int, highest: int, names: list[str]) -> bool:
    """Whether each part is a value, a range or any value, with an optional step; `sun#1` is the first Sunday of a month."""
    for part in field.split(","):
        found = re.fullmatch(rf"(?:[{any_value}]|([a-z]+|[0-9]+)(?:-([a-z]+|[0-9]+)|#[1-5])?)(?:/[1-9][0-9]*)?", part)
        ends = [end for end in found.groups() if end] if found else ["?"]
        numbers = [lowest + names.index(end) if end in names else int(end) if end.isdigit() else -1 for end in ends]
        if not all(lowest <= number <= highest for number in numbers):
            return False
    return True


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of them is an OSError
        raise ValueError(f"{value!r} is no timezone; write a name such as 'UTC' or 'Europe/London'") from None
    return value


Cron = Annotated[str, AfterValidator(_cron)]
Timezone = Annotated[str, AfterValidator(_timezone)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)


class Automation(_Section):
    """When runs start by themselves.

    Attributes:
        starts_running: sensors and schedules are on from the first start; people switch each in the UI.
        changes_seconds: how often the staging table is compared with what was merged.
        repeat_minutes: so long after it was asked for in vain, a customer whose rows still wait is asked for again.
    """

    starts_running: bool = True
    timezone: Timezone = "UTC"
    nightly: Cron = "0 2 * * *"
    survey: Cron = "0 * * * *"
    checks: Cron = "*/15 * * * *"
    verification: Cron = "0 4 * * 0"
    summary: Cron = "0 7 * * *"
    housekeeping: Cron = "30 5 * * *"
    changes_seconds: int = Field(60, ge=5)
    repeat_minutes: int = Field(60, ge=1)


class Checks(_Section):
    """From when on something is wrong.

    Attributes:
        stuck_pending_minutes: a row whose call was not answered for so long is stuck.
        stuck_new_minutes: a row that waits for so long, whatever the state, is stuck.
        staging_hours: when no load changed for so long, the staging table is stale; and a changed one whose last merge is older.
        max_wrong_totals_share: from this share of a customer's orders on, totals that differ from their sizes block sending lines.
        shown_rows: most rows in the table of a check.
    """

    stuck_pending_minutes: int = Field(30, ge=1)
    stuck_new_minutes: int = Field(240, ge=1)
    staging_hours: int = Field(72, ge=1)
    max_wrong_totals_share: float = Field(0.5, gt=0, le=1)
    shown_rows: int = Field(20, ge=1, le=1000)


class Alerts(_Section):
    """What an alert says; where it goes is ORDERS_ALERT_URLS.

    Attributes:
        ui_url: of Dagster's web server, for the links.
    """

    ui_url: str = "http://127.0.0.1:3000"
