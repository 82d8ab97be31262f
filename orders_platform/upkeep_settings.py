"""How long Dagster's own history is kept: the section `[upkeep]`.

Belongs here: its shape. Does not belong here: the rest of the file (`configuration.py`), what is forgotten (`upkeep.py`).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class UpkeepSettings(BaseModel):
    """Days after which a run that ended is forgotten."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_retention_days: int = Field(30, ge=1)
