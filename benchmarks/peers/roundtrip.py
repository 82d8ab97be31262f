"""Other people's clients create an item with values and a subitem on the sandbox and read back what they wrote: `make peers`.

    python benchmarks/peers/roundtrip.py [CLIENT]...

Exit code 1 when one of them does not read back what it wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from environments import PEERS, PeerError, answer_of, started

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import SANDBOX_TOKEN, Sandbox, running

_VALUES = {
    "text_mkr5wya6": "GRE-04267",
    "date_mkr5zp5": {"date": "2026-06-15"},
    "numeric_mktb1d19": "317",
    "color_mkr5yf27": {"label": "PCS"},
    "dropdown_mkr58de6": {"labels": ["2026 SPRING"]},
    "long_text_mkr5hass": {"text": 'Replaces "old" style; 50% now\nthe rest later'},
}
_SUBITEM_VALUES = {"numeric_mkra7j8e": "12"}
_CONTENT = {
    "board_id": ITEMS_BOARD_ID,
    "groups": [
        {
            "title": "GREYSON 2026 SPRING",
            "items": [
                {
                    "name": "MSP25B60 417 - MALTESE BLUE GRE-04267",
                    "values": _VALUES,
                    "subitems": [{"name": "Size 30/32", "values": _SUBITEM_VALUES}],
                }
            ],
        }
    ],
}
_TEXTS = {
    "text_mkr5wya6": "GRE-04267",
    "date_mkr5zp5": "2026-06-15",
    "numeric_mktb1d19": "317",
    "color_mkr5yf27": "PCS",
    "dropdown_mkr58de6": "2026 SPRING",
    "long_text_mkr5hass": 'Replaces "old" style; 50% now\nthe rest later',
}
EXPECTED = (("MSP25B60 417 - MALTESE BLUE GRE-04267", _TEXTS), ("Size 30/32", _SUBITEM_VALUES))


class Read(TypedDict):
    """An item or subitem as a client read it."""

    name: str
    values: Mapping[str, str | None]


def read_back(peer: str) -> list[Read]:
    """What a client reads of an item and a subitem that it has just made on a sandbox of its own.

    Raises:
        PeerError: it could not be installed, or could not do it.
    """
    with tempfile.TemporaryDirectory() as folder, running(Sandbox()) as url:
        file = Path(folder) / "content.json"
        file.write_text(json.dumps(_CONTENT), encoding="utf-8")
        with started(peer, "roundtrip", "--url", f"{url}/v2", "--token", SANDBOX_TOKEN, "--file", str(file)) as process:
            rows: list[Read] = answer_of(peer, process)
            return rows


def differences(read: Sequence[Read]) -> list[str]:
    """What came back otherwise than it was written; empty when all is well."""
    found = [] if len(read) == len(EXPECTED) else [f"{len(read)} rows in place of {len(EXPECTED)}"]
    for row, (name, texts) in zip(read, EXPECTED, strict=False):
        found += [] if row["name"] == name else [f"name {row['name']!r} in place of {name!r}"]
        found += [
            f"{column} {row['values'].get(column)!r} in place of {text!r}"
            for column, text in texts.items()
            if row["values"].get(column) != text
        ]
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clients", nargs="*", help=f"of {', '.join(PEERS)}; all without")
    failed = False
    for peer in parser.parse_args().clients or PEERS:
        try:
            problems = differences(read_back(peer))
        except PeerError as error:
            problems = [str(error)]
        failed |= bool(problems)
        print(f"{PEERS[peer][0]:32} {'; '.join(problems) or 'reads back the item, its values and its subitem'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
