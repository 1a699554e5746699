"""Loop: an event loop that takes a turn when it is told to; what stops in the middle stops for ever."""

from __future__ import annotations

import asyncio
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


class Loop:
    """The loop of one simulated process, as much of one as tasks, futures and timeouts ask for.

    What is ready is run in its order, as asyncio does it; when, and how much of it, the world decides.
    """

    def __init__(self) -> None:
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[asyncio.TimerHandle] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._uncaught: list[str] = []
        self._me: Any = self

    @property
    def is_ready(self) -> bool:
        """Say whether anything waits for its turn."""
        return bool(self._ready)

    # What the world does ---------------------------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the loop that runs, for what is called from outside of it."""
        _set_running_loop(self._me)
        try:
            yield
        finally:
            _set_running_loop(None)

    def turn(self, most: int) -> int:
        """Run what is ready, at most so many callbacks; return how many there were."""
        ran, ready = 0, self._ready
        if ready:
            with self.running():
                while ready and ran < most:
                    handle = ready.popleft()
                    if not handle.cancelled():
                        handle._run()
                        ran += 1
        return ran

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task from outside."""
        with self.running():
            return self.create_task(work)

    def ring(self) -> int:
        """Let every timer go off; return how many did."""
        rung = [timer for timer in self._timers if not timer.cancelled()]
        self._timers.clear()
        self._ready.extend(rung)
        return len(rung)

    def kill(self) -> None:
        """Stop for ever, wherever everything stands."""
        with self.running():
            for task in self._tasks:
                if not task.done():
                    coroutine: Any = task.get_coro()
                    coroutine.close()
        self._ready.clear()
        self._timers.clear()

    @property
    def problems(self) -> list[str]:
        """Return what tasks failed by."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return [repr(task.exception()) for task in ended if task.exception() is not None] + self._uncaught

    # What asyncio asks for -------------------------------------------------------------------------------------------

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> asyncio.Handle:
        """Take a callback."""
        handle = asyncio.Handle(callback, args, self._me, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Take a callback for later; when later is, the world decides."""
        timer = asyncio.TimerHandle(when, callback, args, self._me, context)
        self._timers.append(timer)
        return timer

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        """Take a callback for later."""
        return self.call_at(delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self._me)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> asyncio.Task[Any]:
        """Return a task of this loop."""
        task = asyncio.Task(coro, loop=self._me, name=name)
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Remember what a callback failed by; that a task was killed is no news."""
        if "handle" in context:
            self._uncaught.append(f"{context['message']}: {context.get('exception')!r}")

    def time(self) -> float:
        """Return no time: timers go off when the world says so."""
        return 0.0

    def get_debug(self) -> bool:
        """Return False."""
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Hear that a timer was cancelled; it is passed over."""
