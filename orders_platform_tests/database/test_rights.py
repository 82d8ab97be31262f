"""The rights that are asked for are those that the script grants."""

from __future__ import annotations

import re

from orders_platform.configuration import Configuration
from orders_platform.database.schema import DAILY_RIGHTS, VIEWS
from orders_platform_tests.testing.workplace import CHECKOUT


def test_the_script_grants_what_the_platform_asks_for_and_what_load_does(configuration: Configuration) -> None:
    text = (CHECKOUT / "deploy" / "sql_server_rights.sql").read_text(encoding="utf-8")
    granted = {
        table: set(rights.split(", "))
        for rights, table in re.findall(r"^GRANT (.+) ON OBJECT::dbo\.(\w+) TO", text, re.MULTILINE)
    }
    load = {"staging": {"INSERT", "DELETE"}, "loads": {"SELECT", "INSERT"}}
    roles = {*DAILY_RIGHTS, *load}
    wanted = {getattr(configuration.tables, role): {*DAILY_RIGHTS.get(role, ()), *load.get(role, ())} for role in roles}
    views = {getattr(configuration.tables, role): {"SELECT"} for role in VIEWS}  # so that doctor finds them there
    assert granted == wanted | views
