"""The section `[reports]` of the configuration: links, owners, and where pages are put.

Belongs here: that section's shape and checks. Does not belong here: the other sections (`configuration.py`), what a report says
(`reports/`).
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, field_validator


class ReportSettings(BaseModel):
    """What people see; an empty link is no link.

    Attributes:
        folder: where the asset `sync_report` writes its pages; empty for `reports` in the data folder.
        board_url: of the items board in a browser.
        code_url: of the repository's files in a browser.
        owners: of the assets: `team:NAME` or a mail address, the two forms that Dagster takes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    folder: str = ""
    board_url: str = ""
    code_url: str = ""
    owners: tuple[str, ...] = ()

    @field_validator("owners")
    @classmethod
    def _are_owners(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for owner in value:
            if not re.fullmatch(r"team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+", owner):
                raise ValueError(f"{owner!r} is no owner; write team:NAME or a mail address")
        return value

    @field_validator("board_url", "code_url")
    @classmethod
    def _are_links(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError(f"{value!r} is no http(s) URL")
        return value.rstrip("/")
