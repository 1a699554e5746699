"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return lines whose columns stand below each other: the first column to the left, all others to the right.

    >>> table(("topic", "lag"), [("metrics", 7), ("signals", 0)])
    ['topic    lag', 'metrics    7', 'signals    0']
    """
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))])
        for first, *rest in cells
    ]


def spans(numbers: Sequence[int]) -> str:
    """Return whole numbers as people write them.

    >>> spans([3, 0, 1, 2, 7])
    '0-3, 7'
    """
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in found)


def counted(word: str, numbers: Sequence[int]) -> str:
    """Return a word with the numbers that it stands for.

    >>> counted("page", [3]), counted("page", [0, 1, 2, 7])
    ('page 3', 'pages 0-2, 7')
    """
    return f"{word}{'s' if len(numbers) > 1 else ''} {spans(numbers)}"
