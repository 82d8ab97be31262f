"""Which ODBC driver speaks to SQL Server here: the one that the URL names, else the best of those that are installed.

Three are known: Microsoft's driver from its packages, the same driver as a file inside the wheel `mssql-python-odbc` (the extra
`orders-platform[mssql]`), and FreeTDS.
"""

import importlib.util
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

from orders_platform.errors import ConfigurationError

MICROSOFT = "ODBC Driver 18 for SQL Server"
_FREETDS = "FreeTDS"
_DEBIAN_FREETDS = "usr/lib/*-linux-gnu/odbc/libtdsodbc.so"
_MACHINES = {"AMD64": {"AMD64", "x86_64"}, "arm64": {"arm64", "aarch64"}, "aarch64": {"arm64", "aarch64"}}
_WHEEL = "mssql_python_odbc"
_FAMILIES = {"alpine": "alpine", "rhel": "rhel", "fedora": "rhel", "suse": "suse"}


def find_driver(registered: Iterable[str]) -> str:
    """A driver's name, or the path of its library, for `DRIVER={...}`, given those that the driver manager knows."""
    known = set(registered)
    if MICROSOFT in known:
        return MICROSOFT
    files = [*wheel_drivers(), *([_FREETDS] if _FREETDS in known else []), *map(str, Path("/").glob(_DEBIAN_FREETDS))]
    if not files:
        raise ConfigurationError(
            f"No ODBC driver for SQL Server is installed. Install Microsoft's ({MICROSOFT!r}), or `pip install 'orders-platform[mssql]'`, "
            "or FreeTDS (Debian: tdsodbc); or name one with ?driver= in ORDERS_DATABASE_URL. See docs/how_to/sql_server.md."
        )
    return files[0]


def wheel_drivers(package: Path | None = None, os_release: Path = Path("/etc/os-release")) -> list[str]:
    """The libraries of Microsoft's driver inside the wheel, the one built for this system first; none without the wheel."""
    if package is None:
        spec = importlib.util.find_spec(_WHEEL)
        if spec is None or spec.origin is None:
            return []
        package = Path(spec.origin).parent
    machines, family = _MACHINES.get(platform.machine(), {platform.machine()}), _family(os_release)
    places = [path for path in package.glob("libs/**/libmsodbcsql*") if path.suffix != ".txt" and machines & set(path.parts)]
    return [str(path) for path in sorted(places, key=lambda path: (family not in path.parts, str(path)))]


def _family(os_release: Path) -> str:
    """The wheel's word for this system."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "macos"
    words = " ".join(line for line in lines if line.startswith(("ID=", "ID_LIKE=")))
    return next((family for word, family in _FAMILIES.items() if word in words), "debian_ubuntu")


def is_freetds(driver: str) -> bool:
    """Whether this is FreeTDS, by its name or its file's."""
    return "freetds" in driver.casefold() or "tdsodbc" in driver.casefold()


def safe_options(driver: str, given: Mapping[str, object], port: int | None = None) -> dict[str, str]:
    """What to add to a URL's own options: encryption, and what FreeTDS says in its own way, the port too.

    A server's certificate is checked by Microsoft's driver unless the URL itself says otherwise.
    """
    names = {name.casefold() for name in given}
    if is_freetds(driver):
        options = {"Encryption": "require", "TDS_Version": "7.4", "ClientCharset": "UTF-8", "port": str(port or 1433)}
    else:
        options = {"Encrypt": "yes"}
    return {name: value for name, value in options.items() if name.casefold() not in names}
