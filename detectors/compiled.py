"""Compilation of kernels: numba, with a cache that knows when any kernel's source has changed."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

log = logging.getLogger(__name__)

Kernel = Callable[..., Any]
KEPT = 8
"""Folders of compiled kernels, of this version and of others."""

_SOURCES = (Path(__file__).parent, Path(__file__).parent.parent / "streams" / "engine")


def _digest() -> str:
    """Return a name for the present text of every file that may hold a kernel, and for the compiler."""
    text = hashlib.sha256(numba.__version__.encode())
    for folder in _SOURCES:
        for file in sorted(folder.rglob("*.py")):
            text.update(file.read_bytes())
    return text.hexdigest()[:16]


def _cache_folder() -> Path | None:
    """Return the folder of the compiled kernels, or None where nothing can be written.

    numba notices a change in a kernel's own file only: a kernel that calls a formula of another file would go on
    running the old one. So the folder is named after all the sources; the oldest of other sources are cleared away.
    """
    name = f"kernels-{_digest()}"
    for parent in (Path(__file__).parent / "__pycache__", Path.home() / ".cache" / "luminar"):
        folder = parent / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / "writable"
            probe.touch()
        except OSError:
            continue
        _clear_away(parent, folder)
        return folder
    return None


def _clear_away(parent: Path, own: Path) -> None:
    """Keep the newest folders of other sources: who runs those may just be compiling, and would fall over."""
    ages = {}
    for folder in parent.glob("kernels-*"):
        try:
            ages[folder] = folder.stat().st_mtime
        except OSError:
            continue  # Somebody else has cleared it away.
    for stale in sorted(ages, key=lambda folder: ages[folder], reverse=True)[KEPT:]:
        if stale != own:
            shutil.rmtree(stale, ignore_errors=True)


_folder = _cache_folder()
if _folder is not None:
    numba.config.CACHE_DIR = str(_folder)  # type: ignore[attr-defined]  # numba fills it in from the environment


def kernel(function: Kernel) -> Kernel:
    """Compile a function over rows and columns; called from Python it behaves as the plain function does.

    >>> @kernel
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    cache = _folder is not None and not function.__code__.co_filename.startswith("<")
    compiled: Any = numba.njit(cache=cache, nogil=True, error_model="numpy")(function)
    if cache:
        compiled._cache.save_overload = _saved_if_there_is_room(compiled._cache.save_overload)
    kernel_: Kernel = compiled
    return kernel_


def _saved_if_there_is_room(save: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Return `save` that makes nothing of a full disk: what is compiled works, and is compiled again another time."""

    def save_overload(signature: Any, compiled: Any) -> None:
        try:
            save(signature, compiled)
        except OSError as why:
            log.warning("a kernel could not be kept on disk: %s", why)

    return save_overload
