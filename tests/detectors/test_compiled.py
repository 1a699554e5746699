"""The cache of compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path

from detectors import compiled


def test_compiled_kernels_of_another_version_stay_while_it_may_run(tmp_path: Path) -> None:
    """Two versions on one machine: who starts must not take away what the other is compiling."""
    folders = [tmp_path / f"kernels-{i}" for i in range(compiled.KEPT + 2)]
    for age, folder in enumerate(folders):
        folder.mkdir()
        os.utime(folder, (1000 - age, 1000 - age))
    compiled._clear_away(tmp_path, folders[-1])
    assert {folder for folder in folders if folder.exists()} == {*folders[: compiled.KEPT], folders[-1]}
