"""What pages ask of whole runs is computed by a process of its own, at the lowest priority, once pages are served.

A process and not a thread: it takes neither the lock of Python nor the memory of the server. It ends with the server,
also with one that was killed: its input is a pipe that only the server holds. It knows nothing of Streamlit.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable

from homog_core import files

LOWEST_PRIORITY = 19
_WAITS = 5.0  # seconds after the first page


class Ahead:
    """Begins some seconds after the first page has been served, when `rest` returns, and ends with the server."""

    def __init__(self, waits: float = _WAITS, rest: Callable[[], object] = lambda: None) -> None:
        self.over, self._rest = threading.Event(), rest
        self._waits, self._served, self._stopped = waits, threading.Event(), threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._work, name="ahead", daemon=True).start()

    def page_served(self) -> None:
        """A page has been served; the first time counts."""
        self._served.set()

    def stop(self) -> None:
        """End it. What has been computed is kept."""
        with self._lock:
            self._stopped.set()
            self._served.set()
            if self.process is None:  # what it waits for may take longer than the server has
                self.over.set()
            else:
                self.process.terminate()
        self.over.wait(timeout=10)

    def _work(self) -> None:
        self._served.wait()
        if not self._stopped.wait(self._waits):
            self._rest()
        with self._lock:
            if not self._stopped.is_set():
                self.process = _begun()
        if self.process:
            self.process.wait()
        self.over.set()


def _begun() -> "subprocess.Popen[bytes]":
    """The process, which prints nothing."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.ahead"],
        cwd=files.PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST_PRIORITY)
    return process


def _end_with_input() -> None:
    """End this process where it is as soon as nobody holds its input any more."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    from homog_core.cli import main

    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.exit(main(["prepare"]))
