"""Small made-up data sets with the layouts of the public ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPIKES = (700, 900)
ROWS, SPIKE_ROWS = 1000, 5


def series(seed: int = 1, step_s: int = 300) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int8]]:
    """Return times, noise around ten with two large spikes of five rows, and the labels of these."""
    values = np.random.default_rng(seed).normal(10.0, 1.0, ROWS)
    labels = np.zeros(ROWS, np.int8)
    for row in SPIKES:
        values[row : row + SPIKE_ROWS] += 60.0
        labels[row : row + SPIKE_ROWS] = 1
    return 1_400_000_000 + step_s * np.arange(ROWS), values, labels


def stamp(at_s: int) -> str:
    """Return a time as the public sets write it."""
    return f"{datetime.fromtimestamp(int(at_s), UTC):%Y-%m-%d %H:%M:%S}"


def make_nab(folder: Path) -> Path:
    """Write two files of one category, and their windows."""
    labels = {}
    for seed in (1, 2):
        at_s, values, _ = series(seed)
        name = f"made/noise_{seed}.csv"
        lines = [f"{stamp(at)},{value}" for at, value in zip(at_s, values, strict=True)]
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["timestamp,value", *lines]) + "\n")
        labels[name] = [[f"{stamp(at_s[row - 30])}.000000", f"{stamp(at_s[row + 30])}.000000"] for row in SPIKES]
    (folder / "labels").mkdir()
    (folder / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    return folder


def make_aiops_kpi(folder: Path) -> Path:
    """Write two series of a minute each."""
    (folder / "data").mkdir(parents=True)
    for seed in (1, 2):
        at_s, values, labels = series(seed, 60)
        np.savez(
            folder / "data" / f"{seed}.npz",
            value=values.astype(np.float32), label=labels, timestamp=at_s, n_train=ROWS // 2, interval=60,
        )  # fmt: skip
    return folder


def make_mscloud(folder: Path) -> Path:
    """Write two series of one domain, one of them with a value that was not measured."""
    path = folder / "data" / "made"
    path.mkdir(parents=True)
    for seed in (1, 2):
        at_s, values, labels = series(seed, 3600)
        lines = [f'"{stamp(at)}",{v},{flag}' for at, v, flag in zip(at_s, values, labels, strict=True)]
        if seed == 2:
            lines.insert(20, f'"{stamp(at_s[20])}",,0')
        (path / f"{seed}.csv").write_text("\n".join(['"TimeStamp","Value","Label"', *lines]) + "\n")
    return folder


def make_asd(folder: Path) -> Path:
    """Write one server of four metrics, of which the third is to blame in the second half."""
    (folder / "data").mkdir(parents=True)
    values = np.random.default_rng(5).normal(0.5, 0.01, (ROWS, 4))
    _, _, labels = series()
    values[labels == 1, 2] += 0.4
    half = ROWS // 2
    np.savez(
        folder / "data" / "one.npz",
        train=values[:half].astype(np.float32), test=values[half:].astype(np.float32), test_label=labels[half:],
    )  # fmt: skip
    lines = [f"{row - half}-{row - half + SPIKE_ROWS - 1}:3" for row in SPIKES]
    (folder / "data" / "one_causes.txt").write_text("\n".join(lines) + "\n")
    return folder


def make_load(folder: Path) -> Path:
    """Write ten days of a daily rhythm by five minutes, and a few hourly series one a row."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = np.arange(10 * 288)
    noise = np.random.default_rng(1).normal(0, 8, len(steps))
    values = np.maximum(0, 200 + 150 * np.sin(2 * np.pi * steps / 288) + noise)
    lines = [f"{stamp(1_400_000_000 + 300 * i)},{value}" for i, value in enumerate(values)]
    (folder / "daily.csv").write_text("\n".join(["timestamp,value", *lines]) + "\n")
    hourly = 100 + 50 * np.sin(2 * np.pi * np.arange(700) / 24) + np.random.default_rng(2).normal(0, 1, 700)
    rows = [",".join((f'"H{k}"', *(f"{value:.3f}" for value in hourly + k), "", "")) for k in range(2)]
    (folder / "m4_hourly_train.csv").write_text("\n".join(['"V1","V2"', *rows]) + "\n")
    return folder


MAKERS = {"nab": make_nab, "aiops_kpi": make_aiops_kpi, "mscloud": make_mscloud, "asd": make_asd, "load": make_load}
