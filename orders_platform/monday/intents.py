"""Fresh intents: no request that changes the board leaves long after the caller committed that it would.

Whoever takes over after a crash waits from the last committed intent on. A document may wait minutes for its turn, and its repeats
minutes more, so the intent is committed anew before a request leaves. Only the caller's thread writes to its database: a thread
that sends asks for it, and waits. Belongs here: the age of an intent, and the asking across threads. Does not belong here: what
committing means (`sync/outbox.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue

from orders_platform.domain.mutations import Document

FRESH_SECONDS = 5.0
"""Oldest intent with which a request leaves; the settle time allows for it."""

_MOST_RENEWALS = 3  # a database that takes this often this long for a commit is no time to send

Renew = Callable[[Document], None]


class Intent:
    """The intent of one document, committed when this is made.

    Args:
        document: what is to be sent.
        clock: seconds; any origin.
        renew: commits the intent anew; False when that is not possible any more.
        since: when the caller began to commit it; the time that it recorded is not earlier.
    """

    def __init__(self, document: Document, clock: Callable[[], float], renew: Callable[[Document], bool], since: float) -> None:
        self.document = document
        self._clock = clock
        self._renew = renew
        self._since = since

    def is_fresh(self) -> bool:
        """Whether a request may leave now; renews the intent where it is old, again where committing it took long itself."""
        for _ in range(_MOST_RENEWALS):
            if self._clock() - self._since <= FRESH_SECONDS:
                return True
            since = self._clock()
            if not self._renew(self.document):
                return False
            self._since = since
        return self._clock() - self._since <= FRESH_SECONDS


@dataclass(slots=True)
class Renewal:
    """A thread's wish that a document's intent be committed anew."""

    document: Document
    granted: Future[bool] = field(default_factory=Future)

    def grant(self, renew: Renew) -> None:
        """Commit the intent anew and let the thread send. Raises what `renew` raises, after telling the thread no."""
        is_renewed = False
        try:
            renew(self.document)
            is_renewed = True
        finally:
            self.granted.set_result(is_renewed)


class Desk:
    """Where threads that send leave word for the caller's thread: finished work, and renewals to grant."""

    def __init__(self) -> None:
        self._words: SimpleQueue[Future[object] | Renewal] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False

    def put(self, word: Future[object] | Renewal) -> None:
        """Leave word."""
        self._words.put(word)

    def take(self) -> Future[object] | Renewal:
        """The next word; waits for it."""
        return self._words.get()

    def renew(self, document: Document) -> bool:
        """Have the caller's thread commit an intent anew; False once it takes no more words."""
        renewal = Renewal(document)
        with self._lock:
            if self._is_closed:
                return False
            self._words.put(renewal)
        return renewal.granted.result()

    def close(self) -> None:
        """Take no more words: whoever waits for a renewal does not get it, and sends nothing more."""
        with self._lock:
            self._is_closed = True
            while not self._words.empty():
                word = self._words.get()
                if isinstance(word, Renewal):
                    word.granted.set_result(False)
