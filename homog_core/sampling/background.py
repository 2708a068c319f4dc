"""A coroutine in a thread of its own, and what it says meanwhile, for code that is not asynchronous."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

Emit = Callable[[Any], None]
_SECONDS = 10.0  # that a coroutine has to close what it has open


class Background:
    """Runs `work(emit)`; use it with `with`: leaving the block cancels what still goes on."""

    def __init__(self, work: Callable[[Emit], Coroutine[Any, Any, None]]) -> None:
        self._said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._work, self._ready = work, threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task | None = None
        self._thread = threading.Thread(target=self._run, name="served-sampling", daemon=True)

    def __enter__(self) -> "Background":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *error: object) -> None:
        if self._task:
            with suppress(RuntimeError):  # it has ended by itself, and its loop is closed
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_SECONDS)

    def said(self, seconds: float) -> Iterator[list[Any]]:
        """What it says, all that is there at a time; an empty list when it has said nothing for so many seconds.

        Ends with the coroutine, and raises what that raises.
        """
        while True:
            found = []
            try:
                kind, value = self._said.get(timeout=seconds)
                while kind == "said":
                    found.append(value)
                    kind, value = self._said.get_nowait()
            except queue.Empty:
                kind = "said"
            if found or kind == "said":
                yield found
            if kind == "failed":
                raise value
            if kind == "over":
                return

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            self._said.put(("over", None))
        except BaseException as error:
            self._said.put(("failed", error))
        else:
            self._said.put(("over", None))
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        await self._work(lambda value: self._said.put(("said", value)))
