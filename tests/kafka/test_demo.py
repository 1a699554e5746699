"""The demo itself: what `make demo` shows is seen by a reader that knows nothing but the topics."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest


@pytest.mark.kafka
def test_it_shows_all_it_is_there_to_show_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """An alert fires and is resolved, the shop is relieved, a blocked client gets a 403, and a worker is killed."""
    play = subprocess.run(
        [sys.executable, "-m", "streams.cli", "demo", "--once", "--json", "--limit", "400", "--data", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=500,
    )
    seen = json.loads(play.stdout)
    assert seen["missing"] == []
    assert play.returncode == 0
    events = seen["events"]
    assert events["alert_fired"] < events["alert_resolved"]
    assert events["scale_ordered"] <= events["scale_obeyed"] <= events["scale_relieved"]
    assert events["client_blocked"] <= events["client_refused"] < events["client_lifted"]
    assert events["worker_killed"] < events["worker_back"]
    assert seen["examples"]["client_blocked"]["client"] == "127.0.0.66"
    assert seen["innocents"] == []
    requests, conclusions = seen["requests"], seen["conclusions"]
    assert requests["answered"] == requests["asked"] == requests["counted"] > 500
    assert conclusions["taken_twice"] == conclusions["lost"] == conclusions["differing"] == 0
    assert still_running_in(tmp_path) == []


def still_running_in(folder: Path) -> list[str]:
    """Return the processes that work in a folder: Kafka, worker and page each do."""
    found = []
    for process in psutil.process_iter():
        try:
            if folder.resolve() in (Path(process.cwd()), *Path(process.cwd()).parents):
                found.append(process.name())
        except psutil.Error:
            continue  # It has ended meanwhile, or is somebody else's.
    return found
