"""The connection to another server: read in a thread of its own, cut from any.

Invariants: nobody who presses Stop waits for a network, and a server whose reader has left
sees the connection close. Nothing here knows what is carried.
"""

import queue
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

from playground.runtime.task import Task

T = TypeVar("T")


class Connection:
    """The connection of one exchange, which any thread may cut while another is blocked in it.

    Closing an httpx response from a second thread neither wakes a blocked read nor exists before
    the first byte; shutting the socket down does both, and the server sees it at once. The socket is
    learnt through httpx's `trace` extension.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """To be passed as `extensions={"trace": wire.trace}`; called in the thread that reads."""
        # A TLS handshake wraps the socket into a new one, so the latest is the one that counts.
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self._cut:
                    self._shut()

    def cut(self) -> None:
        """End the exchange: a connection there is, and any that is still being made."""
        with self._lock:
            self._cut = True
            self._shut()

    @property
    def is_cut(self) -> bool:
        """Whether the reader has left. A socket that was shut down still gives what a server sends without pause."""
        return self._cut

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # already closed
                # Not `SSLSocket.shutdown`, which would take the TLS state from under the reading thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def carry(self, items: Iterator[T], task: Task, seconds: Callable[[], float]) -> Generator[T, None, None]:
        """Run `items`, which talks over this wire, in a thread of its own, and yield what it yields.

        The thread is there because looking up a name, connecting and a TLS handshake cannot be
        interrupted: whoever stops is released at once, and the thread ends as soon as its step does.
        Raises `Cancelled` at once on `task.cancel()`, `TimeoutError` where no item comes within
        `seconds()` (asked anew for each), and whatever `items` raises. The wire is cut in the end.
        """
        task.check()
        inbox: queue.SimpleQueue[_Item[T] | Exception | None] = queue.SimpleQueue()

        def read() -> None:
            try:
                for item in items:
                    if self.is_cut:
                        return
                    inbox.put(_Item(item))
                inbox.put(None)
            except Exception as error:  # thread boundary: raised again by the reader of the inbox
                inbox.put(error)

        def stop() -> None:
            self.cut()
            inbox.put(None)  # wakes the reader of the inbox

        with task.when_cancelled(stop):
            threading.Thread(target=read, name="wire", daemon=True).start()
            try:
                while True:
                    try:
                        arrived = inbox.get(timeout=seconds())
                    except queue.Empty:
                        raise TimeoutError from None
                    task.check()
                    if arrived is None:
                        return
                    if isinstance(arrived, Exception):
                        raise arrived
                    yield arrived.value
            finally:
                self.cut()


class _Item(Generic[T]):
    """An item in the inbox, told apart from an error and from the end."""

    def __init__(self, value: T) -> None:
        self.value = value
