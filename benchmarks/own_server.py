"""A dashboard in a process of its own, to be visited: its address, its processor time and its memory."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homog_core import files


class Server:
    """A dashboard in a process of its own."""

    def __init__(self, process: subprocess.Popen, url: str) -> None:
        self.process, self.url = process, url

    def cpu(self) -> float:
        """Seconds of processor time that the process has used, in all of its threads, ended ones included."""
        return time.clock_gettime((~self.process.pid << 3) | 2)  # the clock of another process: clock_getcpuclockid(3)

    def memory(self, field: str) -> float:
        """Gigabytes: VmRSS now, VmHWM at most."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1e6

    def rest(self, quiet: float = 1.5, most: float = 120.0) -> None:
        """Wait until what runs in the background is done, at most so many seconds."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            before = self.cpu()
            time.sleep(quiet)
            if self.cpu() - before < 0.02 * quiet:
                return


@contextmanager
def server(cache: Path | None) -> Iterator[Server]:
    """A server on a store of its own; None is the store of this checkout."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | ({"HOMOG_CACHE": str(cache)} if cache else {})
    command = [sys.executable, "-m", "streamlit", "run", "serve.py", "--server.port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=files.PROJECT, env=environment, **quiet)
    url = f"http://localhost:{port}"
    try:
        _wait_for(f"{url}/_stcore/health", process)
        yield Server(process, url)
    finally:
        process.terminate()
        process.wait(timeout=120)


def _wait_for(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not start")
