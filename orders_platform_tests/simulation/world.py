"""One seed of the whole engine under a virtual clock: the order list and the board change, the network fails, the process dies.

The engine is the real one, from staging table to HTTP request; the sandbox answers in the same process and thread, on the same
clock, so a seed repeats to the letter. At the end of its course a seed is judged: nothing lost, nothing doubled, nothing different.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import httpx

from orders_platform.configuration import Configuration
from orders_platform.domain.guards import GuardKind
from orders_platform.domain.text import clean
from orders_platform.errors import OrdersError
from orders_platform.monday.budget import limits_of
from orders_platform.sandbox.application import Sandbox
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.faults import TRANSIENT, UNCLEAR, Fault, Faults
from orders_platform.sandbox.in_process import InProcess
from orders_platform.sandbox.stored_items import ItemSnapshot
from orders_platform_tests.simulation import manual_edits
from orders_platform_tests.simulation.controls import Controls
from orders_platform_tests.simulation.list_edits import Load, change_list, edit_as_people_do, first_load
from orders_platform_tests.testing.clock import VirtualClock
from orders_platform_tests.testing.identity import surplus
from orders_platform_tests.testing.order_stores import SIZES, FileStores
from orders_platform_tests.testing.platform import GREYSON, SETTLE, Platform

LAG = 20.0
"""Seconds until the sandbox lists what was written, in half of the seeds; the settle time is 60 s and 30 more."""

_ALIAS = (Fault.REFUSE_ALIAS, Fault.BREAK_ALIAS)
KINDS = (*TRANSIENT, *UNCLEAR, *_ALIAS, Fault.HANG, Fault.LATE_COMMIT, Fault.LATE_COMMIT, Fault.REPLY_LOST)
_BOUNDARIES = 60
_PAUSES = (0.0, 0.0, 5.0, 30.0, 4_000.0)
_JUMPS = (-86_400.0, -3_600.0, 3_600.0, 86_400.0)
_LAST_RUNS = 6


class Killed(BaseException):
    """The process ends here. Nothing of ours catches it, as nothing catches SIGKILL."""


@dataclass(frozen=True)
class Death:
    """Before the n-th `boundary` of a run, or when the answer to its n-th request with a `creation` has arrived."""

    kind: str
    number: int


@dataclass
class Outcome:
    """What became of a seed: `problems` is empty when nothing was lost or doubled; `trace` is what happened, line by line."""

    seed: int
    problems: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)


def live(stores: FileStores, seed: int, controls: Controls | None = None) -> Outcome:
    """One seed from its beginning to its judgement; an error that no run may end with is a problem as well."""
    world = World(stores, seed, controls)
    try:
        return world.live()
    except OrdersError as error:
        world.outcome.problems.append(f"{type(error).__name__}: {error}")
        return world.outcome
    finally:
        world.close()


def _without_guard_of_totals(configuration: Configuration) -> Configuration:
    checks = configuration.checks.model_copy(update={"max_wrong_totals_share": 1.0})
    return configuration.model_copy(update={"checks": checks})


_MAPPED_COLUMN = "text_mkr5cz8m"


def _other_mapping(configuration: Configuration) -> Configuration:
    """One column of the board shows another column of the list, and the next time the former one."""
    fields = tuple(
        replace(field, sources=("CUSTOMER STYLE",) if field.sources == ("PATTERN ID",) else ("PATTERN ID",))
        if field.column_id == _MAPPED_COLUMN
        else field
        for field in configuration.items.fields
    )
    return configuration.model_copy(update={"items": replace(configuration.items, fields=fields)})


class World:
    """A seed and everything it decides."""

    def __init__(self, stores: FileStores, seed: int, controls: Controls | None = None) -> None:
        stores.empty(seed)
        self.rng = Random(seed)
        self.controls = controls or Controls()
        self.outcome = Outcome(seed)
        self.clock = VirtualClock()
        rate = self.rng.choice([0.0, 0.05, 0.2])
        self.sandbox = Sandbox(
            clock=self.clock,
            sleep=self.clock.sleep,
            faults=Faults(seed=seed, rate=rate, kinds=KINDS),
            visibility_lag=self.rng.choice([0.0, LAG]),
        )
        self.platform = Platform(stores, self.sandbox, "http://sandbox", self.clock, http_transport=InProcess(self.sandbox))
        self.platform.policies(removed_orders=self.rng.choice(["keep", "archive"]))
        # Apart, so that the course of a seed is the same with them and without.
        self.slips = Random(f"slips of {seed}")
        if self.slips.random() < 0.7:  # no guard acts: a list of three orders may change in any way
            self.platform.policies(max_removed_share=1.0, max_emptied_share=1.0)
            self.platform.configure(_without_guard_of_totals)
        else:
            self.platform.policies(min_removed_orders=1, min_emptied_orders=1)
        self.load: Load = first_load(self.rng)
        self.left: Load = {}
        self.rivals = Random(f"rivals of {seed}")
        self.jumps = Random(f"jumps of {seed}")

    def close(self) -> None:
        """End of the world."""
        self.platform.close()
        self.sandbox.close()

    # --- the course -----------------------------------------------------------------------------------------------------

    def live(self) -> Outcome:
        """Some rounds of changes, runs and deaths, then peace, then the judgement."""
        for _ in range(self.rng.randint(1, 3)):
            for _ in range(self.rng.randint(0, 2)):
                self._happens(f"list: {change_list(self.rng, self.load, self.left)}")
            while self.slips.random() < 0.4:
                self._happens(f"slip: {edit_as_people_do(self.slips, self.load)}")
            if self.slips.random() < 0.2:
                self.platform.configure(_other_mapping)
                self._happens("mapping: changed")
            if self.rng.random() < 0.25:
                self._happens(f"people: {manual_edits.meddle(self.rng, self.platform)}")
            meddles_at = self.rng.randint(1, _BOUNDARIES) if self.rng.random() < 0.15 else None
            rival_at = self.rivals.randint(1, _BOUNDARIES) if self.rivals.random() < 0.25 else None
            jumps_at = self.jumps.randint(1, _BOUNDARIES) if self.jumps.random() < 0.4 else None
            self.run(self._death(), meddles_at, rival_at, jumps_at=jumps_at)
            if self.jumps.random() < 0.4:
                self._jump()
            self.clock.sleep(self.rng.choice(_PAUSES))
        self.come_to_peace()
        self.outcome.problems += self.judgement()
        requests = self.sandbox.requests
        self.outcome.trace += [
            f"{request.at:.3f} {request.operations} {request.fault} {request.outcome}" for request in requests
        ]
        self.outcome.faults = Counter(str(request.fault) for request in requests if request.fault)
        return self.outcome

    def _death(self) -> Death | None:
        """Half of the deaths anywhere, half where it hurts most: a creation is sent, and its outcome not yet recorded."""
        if self.rng.random() < 0.4:
            return None
        if self.rng.random() < 0.5:
            return Death("boundary", self.rng.randint(1, _BOUNDARIES))
        return Death("creation", self.rng.randint(1, 4))

    def _happens(self, line: str) -> None:
        self.outcome.events[line.split(" ")[0] + " " + line.split(" ")[1]] += 1
        self.outcome.trace.append(f"{self.clock():.3f} {line}")

    def run(
        self,
        death: Death | None = None,
        meddles_at: int | None = None,
        rival_at: int | None = None,
        accept: Collection[GuardKind] = (),
        jumps_at: int | None = None,
    ) -> None:
        """One process: it ends, gives up, or is killed; a second one, which cares for no lock, may come and go meanwhile."""
        self.platform.load(list(self.load.values()))
        steps = _Steps(death, meddles_at, self._meddle, rival_at, self._rival, jumps_at, self._jump)
        store = _Watched(self.controls.store(self.platform.store), steps)
        merge = _Watched(self.platform.merge, steps)
        try:
            reports = self._go(store, merge, _Wire(self.controls.wire(InProcess(self.sandbox)), steps), accept=accept)
            self._happens(f"run: ended {[report.error for report in reports.values()]}")
        except Killed:
            self._happens(f"run: killed at {death}")
        except OrdersError as error:
            self._happens(f"run: {type(error).__name__}")

    def _rival(self) -> None:
        if self.rivals.random() < 0.5:
            self._happens(f"list: {change_list(self.rivals, self.load, self.left)}")
        self._happens("run: a second one comes")
        self.platform.load(list(self.load.values()))
        store = _Unlocked(self.controls.store(self.platform.store))
        reports = self._go(store, self.platform.merge, self.controls.wire(InProcess(self.sandbox)), self.rivals)
        self._happens(f"run: the second one ended {[report.error for report in reports.values()]}")

    def _jump(self) -> None:
        """Somebody sets the time of day."""
        seconds = self.jumps.choice(_JUMPS)
        self.clock.ahead += seconds
        self._happens(f"clock: {'forwards' if seconds > 0 else 'back'} by {abs(seconds):.0f} s")

    def _meddle(self) -> None:
        self._happens(f"people: {manual_edits.meddle(self.rng, self.platform)}")

    def _go(
        self, store: Any, merge: Any, wire: httpx.BaseTransport, rng: Random | None = None, accept: Collection[GuardKind] = ()
    ) -> Any:
        keys = Random((rng or self.rng).getrandbits(32))
        self.platform.monday(settle_seconds=SETTLE if self.controls.settle else 0.0)
        return self.platform.go(
            GREYSON,
            store=store,
            merge=merge,
            board={"http_transport": wire, "limits": limits_of("pro"), "rng": keys},
            new_key=lambda: f"{keys.getrandbits(64):016x}",
            wrap_board=self.controls.board,
            accept=accept,
        )

    def come_to_peace(self) -> None:
        """No more faults, and every order and size changes once more, which puts right what people did; runs until nothing waits.

        Somebody looks at what the guards say, and accepts it.
        """
        self.sandbox.faults.quiet()
        self.sandbox.settle()
        self.clock.sleep(2 * SETTLE)
        for name, row in self.load.items():
            sizes = {size: int(str(row[size])) + 1 for size in SIZES if row.get(size)}
            self.load[name] = {**row, **sizes, "RANGE / COLLECTION": f"peace {self.outcome.seed}"}
        for _ in range(_LAST_RUNS):
            self.run(accept=list(GuardKind))
            self.sandbox.settle()
            self.clock.sleep(SETTLE)
            if not self.platform.waiting():
                return
        self.outcome.problems.append("rows still wait although nothing is wrong any more")

    # --- the judgement --------------------------------------------------------------------------------------------------

    def judgement(self) -> list[str]:
        """What is lost, doubled or different; nothing, if all is well."""
        return [*self._of_list(), *self._of_board(), *surplus(self.platform)]

    def _of_list(self) -> Iterator[str]:
        """The order table holds the list, each order once."""
        wanted = Counter(
            (clean(str(row["AAG ORDER NUMBER"])).upper(), row["PO NUMBER"], row["AAG SEASON"]) for row in self.load.values()
        )
        orders = self.platform.rows("SELECT * FROM ORDER_LIST_V2 WHERE removed_at IS NULL")
        found = Counter((row["AAG ORDER NUMBER"].upper(), row["PO NUMBER"], row["AAG SEASON"]) for row in orders)
        if wanted != found:
            yield f"the list holds {dict(wanted)}, the order table {dict(found)}"

    def _of_board(self) -> Iterator[str]:
        """Every order is one item with its values, every line one subitem with its quantity, and nothing else is there."""
        shown = {item.id: (group.title, item) for group in self.sandbox.board_snapshot(ITEMS_BOARD_ID) for item in group.items}
        owned = Counter(
            int(row["monday_item_id"]) for row in self.platform.rows("SELECT * FROM ORDER_LIST_V2") if row["monday_item_id"]
        )
        yield from (f"item {item} belongs to {count} orders" for item, count in owned.items() if count > 1)
        orphans = {item_id for item_id in shown.keys() - owned.keys() if shown[item_id][1].name != manual_edits.NOTE}
        for item_id in sorted(orphans):
            yield f"doubled: item {item_id} {shown[item_id][1].name!r} belongs to no order"
        for row in self.platform.rows("SELECT * FROM ORDER_LIST_V2 WHERE removed_at IS NULL"):
            yield from self._of_order(row, shown)

    def _of_order(self, row: dict[str, Any], shown: dict[int, tuple[str, ItemSnapshot]]) -> Iterator[str]:
        key = row["order_key"]
        if row["sync_state"] != "SYNCED" or row["monday_item_id"] is None or int(row["monday_item_id"]) not in shown:
            yield f"lost: order {key} is {row['sync_state']} {row['sync_error_code']} with item {row['monday_item_id']}"
            return
        group, item = shown[int(row["monday_item_id"])]
        if (group, item.name) != (row["group_name"], row["item_name"]):
            yield f"different: order {key} is {item.name!r} in {group!r}, wanted {row['item_name']!r} in {row['group_name']!r}"
        shown_as = {field.column_id: field.sources[0] for field in self.platform.configuration.items.fields}
        for column in ("long_text_mkr5hass", "text_mkr5ej2x", _MAPPED_COLUMN):
            name = shown_as[column]
            if item.values.get(column, "") != (row[name] or ""):
                yield f"different: {name} of order {key} is {item.values.get(column)!r}, wanted {row[name]!r}"
        yield from self._of_lines(row, item)

    def _of_lines(self, row: dict[str, Any], item: ItemSnapshot) -> Iterator[str]:
        lines = self.platform.rows("SELECT * FROM ORDER_LIST_LINES WHERE record_uuid = ?", row["record_uuid"])
        wanted = {f"Size {line['size_code']}": line["qty"] for line in lines if line["qty"] > 0}
        found = Counter(child.name for child in item.subitems)
        yield from (f"doubled: {name} of order {row['order_key']}" for name, count in found.items() if count > 1)
        yield from (f"lost: {name} of order {row['order_key']}" for name in wanted if name not in found)
        for child in item.subitems:
            shown = child.values.get("numeric_mkra7j8e", "0")
            if float(shown or 0) != wanted.get(child.name, 0):
                yield f"different: {child.name} of order {row['order_key']} shows {shown}, wanted {wanted.get(child.name, 0)}"


@dataclass
class _Steps:
    """Counts the boundaries of a run: before and after each call of the store and each request."""

    death: Death | None
    meddles_at: int | None
    meddle: Callable[[], None]
    rival_at: int | None
    rival: Callable[[], None]
    jumps_at: int | None
    jump: Callable[[], None]
    count: Counter[str] = field(default_factory=Counter)

    def step(self, kind: str = "boundary") -> None:
        self.count[kind] += 1
        if self.death == Death(kind, self.count[kind]):
            raise Killed
        if self.count["boundary"] == self.meddles_at and kind == "boundary":
            self.meddle()
        if self.count["boundary"] == self.jumps_at and kind == "boundary":
            self.jump()

    def meet(self) -> None:
        """Here somebody else may take all the time there is."""
        if self.rival_at is not None and self.count["boundary"] >= self.rival_at:
            self.rival_at = None
            self.rival()

    @contextmanager
    def around(self, *, stands_still: bool = True) -> Iterator[None]:
        """Two boundaries; not `stands_still`: no time may pass before the first one, where an intent was just committed."""
        self.step()
        if stands_still:
            self.meet()
        yield
        self.step()
        self.meet()


class _Unlocked:
    """An order store that locks nothing."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return nullcontext if name == "lock" else getattr(self._store, name)


class _Watched:
    """An order store or a merge, every call of which is two boundaries."""

    def __init__(self, store: Any, steps: _Steps) -> None:
        self._store = store
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method) or name == "lock":
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            with self._steps.around():
                return method(*arguments, **named)

        return call


class _Wire(httpx.BaseTransport):
    """A transport, every request over which is two boundaries; one whose process dies after it is executed unheard."""

    def __init__(self, transport: httpx.BaseTransport, steps: _Steps) -> None:
        self._transport = transport
        self._steps = steps

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._steps.around(stands_still=b"mutation" not in request.content):
            answer = self._transport.handle_request(request)
        if b"create_" in request.content:
            self._steps.step("creation")
        return answer
