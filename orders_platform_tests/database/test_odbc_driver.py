"""The driver that the URL does not name: the best of those installed, and always told to encrypt."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from orders_platform.database import odbc_driver
from orders_platform.database.odbc_driver import MICROSOFT, find_driver, safe_options, wheel_drivers
from orders_platform.errors import ConfigurationError


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """The folders of the wheel, as it is published for this processor and another one."""
    for family in ("debian_ubuntu", "rhel", "suse"):
        for machine in (platform.machine(), "s390x"):
            folder = tmp_path / "libs" / "linux" / family / machine / "lib"
            folder.mkdir(parents=True)
            (folder / "libmsodbcsql-18.6.so.2.1").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("release", "family"),
    [('ID=debian\n', "debian_ubuntu"), ('ID=ubuntu\nID_LIKE=debian\n', "debian_ubuntu"),
     ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "rhel"),
     ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "suse")],
)  # fmt: skip
def test_the_library_for_this_system_comes_first(wheel: Path, tmp_path: Path, release: str, family: str) -> None:
    (tmp_path / "os-release").write_text(release, encoding="utf-8")
    found = wheel_drivers(wheel, tmp_path / "os-release")
    assert len(found) == 3
    assert f"/{family}/{platform.machine()}/" in found[0]


def test_a_registered_driver_of_microsoft_comes_before_all_others() -> None:
    assert find_driver(["FreeTDS", MICROSOFT]) == MICROSOFT


def test_no_driver_at_all_is_said_with_the_three_ways_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odbc_driver, "_WHEEL", "no_such_wheel")
    monkeypatch.setattr(odbc_driver, "_DEBIAN_FREETDS", "no_such_file")
    with pytest.raises(ConfigurationError, match=r"Microsoft.*orders-platform\[mssql\].*tdsodbc.*docs/how_to/sql_server\.md"):
        find_driver(["SQLite3"])


def test_a_connection_is_encrypted_and_no_certificate_is_trusted_unseen() -> None:
    assert safe_options(MICROSOFT, {}) == {"Encrypt": "yes"}
    freetds = safe_options("/usr/lib/odbc/libtdsodbc.so", {}, 14330)
    assert (freetds["Encryption"], freetds["port"]) == ("require", "14330")
    assert "trustservercertificate" not in {name.casefold() for name in (*safe_options(MICROSOFT, {}), *freetds)}


def test_what_the_url_says_itself_stays() -> None:
    assert safe_options(MICROSOFT, {"encrypt": "strict"}) == {}
