"""Threads or asyncio: the same documents, three at a time, to the same sandbox over HTTP.

    python benchmarks/concurrency.py [documents]

The sandbox is a process of its own and takes 0.2 s for a document and 0.3 s for each mutation. Three senders: our client, with its
budget, intents left out; threads over one `httpx.Client` and nothing else; tasks over one `httpx.AsyncClient` and nothing else. Shown are
documents a second and the processor time of the sending process a document. ADR 5 rests on this comparison.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from orders_platform.domain.mutations import Batch, Mutation, Operation
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import Limits
from orders_platform.monday.documents import Documents
from orders_platform.settings import SANDBOX_TOKEN, default_folder

IN_FLIGHT = 3
MUTATIONS = 5
BOARD_ID = 9609317401
HEADERS = {"Authorization": SANDBOX_TOKEN, "API-Version": "2026-10"}
Send = Callable[[str, list[Batch]], None]


def documents(count: int, name: str) -> list[Batch]:
    """Documents that create items."""
    return [
        Batch(
            f"{name} {number}",
            Operation.CREATE_ITEM,
            tuple(
                Mutation(f"{row}", {"board_id": BOARD_ID, "item_name": f"{name} {number}.{row}"}) for row in range(MUTATIONS)
            ),
        )
        for number in range(count)
    ]


def ours(url: str, load: list[Batch]) -> None:
    """The client as it is."""
    roomy = Limits(10**6, 10**6, write_complexity=10**12, request_complexity=10**9)
    options = {"limits": roomy, "max_in_flight": IN_FLIGHT, "batch_size": MUTATIONS}
    with MondayBoard(url, SANDBOX_TOKEN, default_folder("graphql"), **options) as board:
        # Batches that go well grow; here they are to be as large as those of the others.
        board.client.pace.went_well = lambda *_: None  # type: ignore[method-assign]
        mutations = (replace(each, ref=f"{batch.key} {each.ref}") for batch in load for each in batch.mutations)
        assert len(list(board.send(Operation.CREATE_ITEM, mutations))) == len(load)


def _body(texts: Documents, document: Batch) -> dict[str, object]:
    request = texts.batch(document.operation, document.mutations)
    return {"query": request.query, "variables": request.variables}


def threads(url: str, load: list[Batch]) -> None:
    """A pool over one client, and nothing else."""
    texts = Documents(default_folder("graphql"))
    with httpx.Client(headers=HEADERS, timeout=65) as client, ThreadPoolExecutor(IN_FLIGHT) as pool:
        for answer in pool.map(lambda document: client.post(url, json=_body(texts, document)), load):
            answer.raise_for_status()


def tasks(url: str, load: list[Batch]) -> None:
    """Tasks over one client, and nothing else."""
    texts = Documents(default_folder("graphql"))

    async def send() -> None:
        places = asyncio.Semaphore(IN_FLIGHT)

        async def one(client: httpx.AsyncClient, document: Batch) -> None:
            async with places:
                (await client.post(url, json=_body(texts, document))).raise_for_status()

        async with httpx.AsyncClient(headers=HEADERS, timeout=65) as client:
            await asyncio.gather(*(one(client, document) for document in load))

    asyncio.run(send())


@contextmanager
def sandbox() -> Iterator[str]:
    """A sandbox in a process of its own; its endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "orders_platform.cli", "sandbox", "serve", "--port", "0"]
        options = ["--state", str(Path(folder) / "boards.db"), "--latency", "0.2", "0.3"]
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
            try:
                found = re.search(r"API (\S+),", process.stdout.readline() if process.stdout else "")
                if found is None:
                    raise SystemExit("the sandbox did not start")
                yield found[1]
            finally:
                process.terminate()


def main() -> None:
    """Measure each sender in turn."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    senders: dict[str, Send] = {"ours (threads)": ours, "bare threads": threads, "bare asyncio": tasks}
    floor = count / IN_FLIGHT * (0.2 + 0.3 * MUTATIONS)
    print(f"{count} documents of {MUTATIONS} mutations, {IN_FLIGHT} at a time; latency alone: {floor:.1f} s")
    with sandbox() as url:
        for name, send in senders.items():
            load = documents(count, name)
            began, used = time.perf_counter(), time.process_time()
            send(url, load)
            seconds, busy = time.perf_counter() - began, time.process_time() - used
            print(
                f"{name:15} {seconds:6.2f} s  {count / seconds:5.2f} documents/s  {1_000 * busy / count:5.1f} ms of CPU a document"
            )


if __name__ == "__main__":
    main()
