"""Instances with the settings that are shipped, in folders of the test's own."""

from __future__ import annotations

from pathlib import Path

import yaml

from orders_platform_tests.testing.workplace import CHECKOUT


def local_home(folder: Path) -> Path:
    """A DAGSTER_HOME with the repository's dagster.yaml, whose folders lie under it."""
    folder.mkdir()
    settings = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text(encoding="utf-8"))
    for part in (
        settings["storage"]["sqlite"],
        settings["local_artifact_storage"]["config"],
        settings["compute_logs"]["config"],
    ):
        part["base_dir"] = str(folder / part["base_dir"])
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder
