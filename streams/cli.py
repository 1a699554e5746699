"""The command line. Its help texts are its documentation; every command imports what it needs when it is called."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams import cli_evaluate, cli_people, cli_report, cli_warm
from streams.cli_options import author_here, loaded_from, ranged, waiting, where_options, with_settings
from streams.cli_words import LuminarGroup, examples, say

if TYPE_CHECKING:
    from streams.settings import Loaded


@click.group(cls=LuminarGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="luminar", prog_name="luminar", message="%(prog)s %(version)s")
def main() -> None:
    """Watches telemetry on Kafka, learns online what is normal, and writes alerts, commands and a blocklist.

    To see it at work on this machine: `luminar demo`. On a Kafka of your own: `luminar topics`, then `luminar worker`
    as often as you like, then feed it. Every command that talks to Kafka takes --broker, --settings and --prefix; a
    setting SECTION.KEY can also be given as the environment variable LUMINAR_SECTION__KEY. What goes wrong is said in
    a line, and the exit code is 2.
    """


@main.command(epilog=examples("luminar demo", "luminar demo --once --json"))
@click.option("--once", is_flag=True, help="Play the first act only, check what came of it, and exit with 0 or 1.")
@click.option("--json", "as_json", is_flag=True, help="With --once: say what was seen as one JSON object.")
@click.option(
    "--limit", "limit_s", metavar="SECONDS", default=180.0, show_default=True, help="With --once: give up then."
)
@click.option("--port", type=int, metavar="N", help="Where the page listens; a free port if its usual one is taken.")
@click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help="Keep Kafka's records and the logs here.")
def demo(once: bool, as_json: bool, limit_s: float, port: int | None, data: Path | None) -> None:
    """Show everything on this machine.

    Kafka, a worker, the page, and a small shop under load that is watched, scaled and defended. Nothing needs to be
    installed or configured; Ctrl-C ends all of it and leaves nothing behind.
    """
    from streams.demo import run

    sys.exit(run(once, as_json, limit_s, port, data))


@main.command(epilog=examples("luminar broker --data ./kafka --port 9092"))
@click.option(
    "--data", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where Kafka keeps all it knows."
)
@click.option(
    "--port", type=int, metavar="N", help="Where clients connect; a free port, kept in the folder, if not told."
)
def broker(data: Path, port: int | None) -> None:
    """Run a real Apache Kafka in a folder.

    It listens on the loopback only and runs until SIGTERM or Ctrl-C. Needs neither Java nor Kafka installed: both
    come as packages. The same folder comes back with its records.
    """
    from streams.broker import serve

    serve(data, port)


@main.command(epilog=examples("luminar topics", "luminar topics --broker kafka:9092 --settings luminar.yaml"))
@click.option("--sources", is_flag=True, help="Make the topics of the settings' sources too, which belong to others.")
@click.option("--put", is_flag=True, help="Put the settings in force even where there are some; see `settings put`.")
@with_settings
def topics(loaded: Loaded, sources: bool, put: bool) -> None:
    """Make every topic that is missing.

    Where there are no settings yet, writes them: into their topic, and as the first record of every partition. Does
    no harm when called again. A topic that is there with another number of partitions is refused, with what to do.
    """
    from streams.admin import create_topics

    made = waiting(
        create_topics(loaded.process, loaded.settings, sources=sources, put=put, author=author_here(), say=say)
    )
    click.echo(f"made {len(made.topics)} topics" + (f": {', '.join(made.topics)}" if made.topics else ""))
    click.echo(f"settings {made.in_force} in force" + (", put now" if made.put else ""))
    if made.in_force != made.version:
        say(f"these settings are {made.version}, which is not in force; `luminar settings put FILE` puts them there")


main.add_command(cli_warm.warm)


@main.command(epilog=examples("luminar worker", "LUMINAR_HTTP__PORT=8801 luminar worker --settings luminar.yaml"))
@click.option(
    "--compile", "only_compile", is_flag=True, help="Only compile what a worker needs, into the cache, and exit."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="What is worth a line on standard error.",
)
@with_settings
def worker(loaded: Loaded, only_compile: bool, log_level: str) -> None:
    """Read, learn, conclude and say.

    Start as many as there are cores; they share the partitions. A worker stops cleanly on SIGTERM and Ctrl-C;
    killed in any other way, another worker goes on where its state was saved. Answers /live, /ready and /metrics
    where the settings' `http` says.
    """
    from streams.worker import run

    run(loaded, only_compile=only_compile, log_level=log_level)


@main.command(
    epilog=examples("luminar web --port 8800", "LUMINAR_HTTP__TOKEN=… luminar web --host 0.0.0.0 --port 8800")
)
@click.option("--host", metavar="ADDRESS", help="Where to listen; beyond the loopback, a token must be set.")
@click.option("--port", type=int, metavar="N", help="Where to listen; 0 takes a free port.")
@with_settings
def web(loaded: Loaded, host: str | None, port: int | None) -> None:
    """Serve the page.

    Series with their bands, alerts, commands, the blocklist and the workers, followed live, until Ctrl-C.
    """
    from streams.web import run

    run(loaded.process, host=host, port=port)


@main.command(
    epilog=examples(
        "luminar feed readings.jsonl",
        "tail -f /var/log/nginx/access.log | luminar feed --format access_log --service shop -",
        "luminar feed --machine",
        "luminar feed --topic telegraf telegraf.jsonl",
    )
)
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--format", "format_", default="canonical", show_default=True, metavar="NAME",
              help="What a line is: canonical, access_log, nginx_json, telegraf, zeek_conn, ecs_network, vpc_flow_log "
              "or netfilter.")  # fmt: skip
@click.option("--service", default="default", show_default=True, help="Of lines that name none.")
@click.option(
    "--topic", metavar="NAME", help="Publish every line there as it is, unchecked, instead of translating it."
)
@click.option("--machine", is_flag=True, help="Publish this machine's own telemetry instead, until Ctrl-C.")
@click.option(
    "--every", "every_s", default=1.0, show_default=True, metavar="SECONDS", help="With --machine: how often."
)
@with_settings
def feed(loaded: Loaded, **options: Any) -> None:
    """Publish records, or this machine's telemetry.

    Records are the lines of FILE, or of standard input. They are translated here and become readings, requests and
    connections; those that cannot be are refused with the reason, and counted. Old lines are late by the log's clock:
    they teach, but raise no alarm. Exit code 1 if any line was refused.

    --machine says per second, as readings of the service `machine` (or of --service): processor, load, memory, swap,
    disk and network.
    """
    from streams.cli_data import feed as work

    if options["machine"] and options["service"] == "default":
        options["service"] = "machine"
    sys.exit(waiting(work(loaded.process, **options)))


@main.command(
    epilog=examples("luminar tail alerts --follow", "luminar tail metrics -n 100 --json", "luminar tail dead-letters")
)
@click.argument("topic")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--from-beginning", is_flag=True, help="All there is, in place of the last lines.")
@click.option("--lines", "-n", default=10, show_default=True, type=click.IntRange(0), help="How many of the last.")
@click.option("--control", is_flag=True, help="Show ticks, settings, feedback and lessons, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a record, with its place in the log.")
@with_settings
def tail(loaded: Loaded, **options: Any) -> None:
    """Print a topic's records, one line each.

    TOPIC is metrics, requests, connections, compositions, accounts, signals, alerts, proposals, refusals, commands,
    blocklist, settings, dead-letters or state; or any other topic, named in full.
    """
    from streams.cli_data import tail as work

    waiting(work(loaded.process, **options))


main.add_command(cli_people.lift)
main.add_command(cli_people.feedback)
main.add_command(cli_report.report)


@main.command(
    epilog=examples(
        "luminar replay --topic metrics --from -1h",
        "luminar replay --topic requests --from 2026-11-21T10:00 --to 2026-11-21T11:00 --with-settings strict.yaml",
    )
)
@click.option(
    "--topic",
    required=True,
    help="Whose log to fold: metrics, requests, connections, compositions, accounts, signals or proposals.",
)
@click.option("--with-settings", metavar="FILE", type=click.Path(path_type=Path), help="Decide with these instead.")
@ranged
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@with_settings
def replay(loaded: Loaded, with_settings: Path | None, **options: Any) -> None:
    """Fold a part of the log again.

    Without a group, so that nobody notices. Prints what would be said, and how it differs from what was said. TIME is
    "beginning", "now", an ISO 8601 time (UTC if it names no zone), seconds since 1970, or a time ago: -90s, -15m, -2h,
    -1d.
    """
    from streams.replay import run

    settings = None if with_settings is None else loaded_from(with_settings).settings
    sys.exit(run(loaded, settings=settings, **options))


main.add_command(cli_evaluate.evaluate)
main.add_command(cli_evaluate.train)


@main.command(epilog=examples("luminar verify", "luminar verify metrics --from -1h", "luminar verify --watch 60"))
@click.argument("topic", required=False)
@ranged
@click.option(
    "--watch", "watch_s", metavar="SECONDS", type=click.FloatRange(0.1),
    help="Take the pages as they are now on trust, and check what is done in so many seconds.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a topic.")
@with_settings
def verify(loaded: Loaded, **options: Any) -> None:
    """Check that what is saved and said is what the log gives.

    Folds the log of TOPIC, or of each topic that is read, beside the workers, who do not notice. Each saved page is
    compared at the offset at which it says that it is true; what was said up to there is compared as by `replay`. The
    first differences are told: page, row, field, expected, found; or the output. Where a log has lost its beginning,
    the fold begins from the oldest pages that are kept, and it is said what could not be checked. TIME is as for
    `replay`. Exit code 0: all agrees; 1: something differs; 2: not all could be checked.
    """
    from streams.verify import run

    if options["watch_s"] is not None and (options["since"], options["until"]) != ("beginning", "now"):
        raise click.UsageError("--watch begins now; it goes with neither --from nor --to")
    sys.exit(run(loaded, **options))


@main.command(epilog=examples("luminar status", "luminar status --json"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_settings
def status(loaded: Loaded, as_json: bool) -> None:
    """Show who works, and how far behind.

    The group's members, their partitions and lag, and the pages and rows that they keep.
    """
    from streams.status import run

    sys.exit(run(loaded, as_json=as_json))


@main.group()
def settings() -> None:
    """Check settings, put them in force, describe them."""


@settings.command(epilog=examples("luminar settings validate luminar.yaml"))
@click.argument("file", type=click.Path(path_type=Path))
def validate(file: Path) -> None:
    """Check a settings file.

    With the environment laid over it. Everything that is wrong is said at once, each with its line.
    """
    loaded = loaded_from(file)
    click.echo(f"{file} is right; it decides as version {loaded.version}")


@settings.command(epilog=examples("luminar settings put luminar.yaml", "luminar settings put strict.yaml --author ann"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--author", default=None, help="Who puts them; the user who is logged in, if not told.")
@where_options
def put(file: Path, broker: str | None, prefix: str | None, author: str | None) -> None:
    """Put what a settings file decides in force.

    FILE is checked first; the workers then append it to every partition's log, within seconds. How a process runs
    (broker, http, worker and so on) is not put: that is each process's own. Where Kafka is, FILE says too, unless
    --broker does.
    """
    from streams.cli_data import put_settings

    waiting(put_settings(loaded_from(file, broker, prefix), author or author_here()))


@settings.command(epilog=examples("luminar settings schema > luminar.schema.json"))
def schema() -> None:
    """Print the JSON Schema of a settings file.

    Editors complete and check the file with it.
    """
    from streams.settings import schema as schema_of

    click.echo(json.dumps(schema_of(), indent=2))


def help_tree() -> str:
    """Return the help of every command, for the documentation; what it says depends on no machine."""
    from streams.cli_words import tree

    return tree(main)


if __name__ == "__main__":
    main(prog_name="luminar")
