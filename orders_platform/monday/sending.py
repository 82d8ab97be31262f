"""Documents under way: several at a time, split when refused as a whole, one report each.

Belongs here: threads, splitting, repeating single aliases, the report. Does not belong here: one request and its repeats
(`monday/client.py`), reads (`monday/board.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress

from orders_platform.domain.mutations import Document, DocumentReport
from orders_platform.errors import MondayUnavailableError, OrdersError
from orders_platform.monday.budget import Usage
from orders_platform.monday.delivery import Delivery
from orders_platform.monday.sizes import InFlight
from orders_platform.monday.waiting import Waiter

_Sent = tuple[DocumentReport, OrdersError | None]

UNREACHED_DOCUMENTS = 2
"""So many documents in a row without any usable answer, each after all its repeats, and sending ends."""
