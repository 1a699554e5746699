"""The commands for public data: measure what is concluded, and make weights."""

from __future__ import annotations

from pathlib import Path

import click

from streams.cli_words import examples


@click.command(
    epilog=examples(
        "luminar evaluate nab --data ../shared/data",
        "luminar evaluate all --data ../shared/data --json figures.json",
        "luminar evaluate mscloud --data ../shared/data --detector river:HalfSpaceTrees",
        "luminar evaluate requests --data ../shared/data --detector signatures",
    )
)
@click.argument("name", metavar="SET")
@click.option(
    "--data", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where the sets are, a folder each."
)
@click.option("--json", "out", metavar="FILE", type=click.Path(path_type=Path), help="Write the figures there, too.")
@click.option(
    "--detector", metavar="NAME", default="luminar", show_default=True,
    help="Another to compare with: zscore, river:HalfSpaceTrees, naive (requests); a wrong name is answered with all.",
)  # fmt: skip
@click.option(
    "--held-out", is_flag=True, help="Of requests: leave each source out of the training in turn, and ask for it."
)
def evaluate(name: str, data: Path, out: Path | None, detector: str, held_out: bool) -> None:
    """Measure what is concluded on public data.

    SET is nab, aiops_kpi, mscloud, asd, load, all of these, or requests. Its readings go through the banks that the
    worker runs, with the settings that are shipped, in time order, once; labels are opened by the scorer only. Figures
    at a score above 1 come first, the best threshold in hindsight after them. Of recorded requests, shares in percent
    of attacks found and of ordinary requests flagged; of recorded connections, scanners found, and who else is called
    one.
    """
    from streams.evaluate.command import run

    run(name, data, out, detector, held_out)


@click.command(epilog=examples("luminar train requests --data ../shared/data"))
@click.argument("name", metavar="MODEL", type=click.Choice(["requests"]))
@click.option(
    "--data", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where the recorded requests are."
)
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write there, not over what is shipped.")
def train(name: str, data: Path, out: Path | None) -> None:
    """Make the shipped weights again.

    MODEL is requests: what recorded attacks and ordinary requests teach of payloads. The same recordings give the same
    weights, bit for bit; beside them, FILE.json says what they were made of.
    """
    from streams.evaluate.command import train as work

    work(data, out)
