"""Two loads of one customer in which everything happens that may happen to an order: staged rows, policies, edits by hand."""

from __future__ import annotations

from orders_platform.configuration import read_configuration
from orders_platform.demo.sample_rows import Row
from orders_platform.settings import default_folder
from orders_platform_tests.testing.platform import order

_READ = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
_POLICIES = _READ.policies.model_copy(update={"removed_orders": "archive", "removed_lines": "archive"})
CONFIGURATION = _READ.model_copy(update={"policies": _POLICIES})

MATCH_COLUMN = "text_mkr61hpz"
"""A text column of the board that is no business of ours."""

FULL = "GRE-00006"
"""Before the second load a person writes so much into the item of this order that monday refuses any longer value."""

UNTOUCHED = order("GRE-00005", {"S": 2, "M": 2})
UNLABELLED = order("GRE-00009", {"M": 4}, ORDER_TYPE="NO SUCH TYPE")
COLLIDING = [order("GRE-00008", {"S": 1}), order("GRE-00008", {"S": 2})]
COPIED_LATER = [order("GRE-00010", {"S": 1}), order("GRE-00010", {"S": 2})]
COPIED_BEFORE = [order("GRE-00011", {"M": 1}), order("GRE-00011", {"M": 2})]

FIRST_LOAD: list[Row] = [
    order("GRE-00001", {"S": 1, "M": 2}),
    order("GRE-00002", {"M": 3, "L": 4, "S": -1}, AAG_SEASON="2026 SPRING"),
    order("GRE-00003", {"S": 5, "XL": 6}),
    order("GRE-00004", {"L": 7}, AAG_SEASON="2026 SPRING"),
    UNTOUCHED,
    order(FULL, {"L": 8}),
    UNLABELLED,
    *COLLIDING,
    COPIED_LATER[0],
    *COPIED_BEFORE,
    order("GRE-00012", {"S": 3}, ORDER_TYPE="CANCELLED"),
]

SECOND_LOAD: list[Row] = [
    order("GRE-00001", {"S": 9, "L": 3}, NOTES="changed, a size removed, a size new"),
    order("GRE-00002", {"M": 3, "L": 4, "S": -1}, AAG_SEASON="2026 FALL", CUSTOMER_STYLE="ST-2"),
    order("GRE-00003", {"S": 5, "XL": 6}, ORDER_TYPE="CANCELLED"),
    UNTOUCHED,
    order(FULL, {"L": 8}, NOTES="too long " * 100),
    order("GRE-00007", {"S": 1, "XXL": 2}, AAG_SEASON="2026 FALL"),
    UNLABELLED,
    *COLLIDING,
    *COPIED_LATER,
    COPIED_BEFORE[1],
    order("GRE-00012", {"S": 3}),
]

_COLUMNS = dict.fromkeys(name for row in [*FIRST_LOAD, *SECOND_LOAD] for name in row)
SIZES = ("S", "M", "L", "XL", "XXL")
_PLACES = ("UNIT OF MEASURE", *SIZES, "TOTAL QTY")
COLUMNS = [name for name in _COLUMNS if name not in _PLACES] + list(_PLACES)
"""The same for both loads: the sizes stand between their markers."""

Shown = tuple[str, str, dict[str, str]]
"""Group, state, and quantity by name of the active subitems of an item."""

_FALL, _SPRING, _NEXT_FALL = "GREYSON 2025 FALL", "GREYSON 2026 SPRING", "GREYSON 2026 FALL"

BOARDS: dict[str, dict[str, Shown]] = {
    "empty": {
        "GRE-00001": (_FALL, "active", {"Size S": "1", "Size M": "2"}),
        "GRE-00002": (_SPRING, "active", {"Size M": "3", "Size L": "4"}),
        "GRE-00003": (_FALL, "active", {"Size S": "5", "Size XL": "6"}),
        "GRE-00004": (_SPRING, "active", {"Size L": "7"}),
        "GRE-00005": (_FALL, "active", {"Size S": "2", "Size M": "2"}),
        "GRE-00006": (_FALL, "active", {"Size L": "8"}),
        "GRE-00009": (_FALL, "active", {"Size M": "4"}),
        "GRE-00010": (_FALL, "active", {"Size S": "1"}),
        "GRE-00012": (_FALL, "active", {}),
    },
    "loaded": {
        "GRE-00001": (_FALL, "active", {"Size S": "9", "Size L": "3"}),
        "GRE-00002": (_NEXT_FALL, "active", {"Size M": "3", "Size L": "4"}),
        "GRE-00003": (_FALL, "active", {}),
        "GRE-00004": (_SPRING, "archived", {}),
        "GRE-00005": (_FALL, "active", {"Size S": "2", "Size M": "2"}),
        "GRE-00006": (_FALL, "active", {"Size L": "8"}),
        "GRE-00007": (_NEXT_FALL, "active", {"Size S": "1", "Size XXL": "2"}),
        "GRE-00009": (_FALL, "active", {"Size M": "4"}),
        "GRE-00010": (_FALL, "active", {"Size S": "1"}),
        "GRE-00011": (_FALL, "active", {"Size M": "2"}),
        "GRE-00012": (_FALL, "active", {"Size S": "3"}),
    },
}
"""What the board holds after the load that is staged at each start."""

NOT_SENT = {
    "empty": {"GRE-00009": "label_missing", "GRE-00008": "duplicate_key", "GRE-00011": "duplicate_key"},
    "loaded": {
        "GRE-00009": "label_missing",
        "GRE-00008": "duplicate_key",
        "GRE-00010": "duplicate_key",
        FULL: "ColumnValueException",
    },
}
"""Orders that are refused or rejected, or that lack a cell, with the code."""
