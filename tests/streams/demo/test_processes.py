"""Real processes: the demo leaves none behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from streams.demo.processes import Child, DemoFailed

ENDLESS = "import signal; print('here', flush=True); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {ENDLESS}"


def child(folder: Path, program: str, name: str = "worker") -> Child:
    return Child(name, [sys.executable, "-c", program], os.environ | {"SOMEBODY": "there"}, folder)


def wait_for_line(child: Child) -> None:
    while "\n" not in child.log.read_text():
        child.check()


def test_it_works_in_its_folder_with_our_settings_and_says_there_what_it_says(tmp_path: Path) -> None:
    started = child(tmp_path, "import os; print(os.getcwd(), os.environ['SOMEBODY'])")
    assert started.process.wait(20) == 0
    started.kill()
    assert started.log.read_text() == f"{tmp_path.resolve()} there\n"


def test_one_that_ends_by_itself_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    started = child(tmp_path, "raise SystemExit('no broker there')")
    started.process.wait(20)
    with pytest.raises(DemoFailed, match=r"worker ended by itself \(exit status 1\).*\nno broker there"):
        started.check()
    started.kill()


async def test_it_ends_when_asked_and_is_killed_when_it_will_not(tmp_path: Path) -> None:
    kind, stubborn = child(tmp_path, ENDLESS, "kind"), child(tmp_path, STUBBORN, "stubborn")
    wait_for_line(kind)
    wait_for_line(stubborn)
    await kind.stop()
    await stubborn.stop(patience_s=0.1)
    assert kind.process.returncode == -signal.SIGTERM
    assert stubborn.process.returncode == -signal.SIGKILL


async def test_to_stop_one_that_was_killed_is_no_mistake(tmp_path: Path) -> None:
    started = child(tmp_path, ENDLESS)
    started.kill()
    await started.stop()
    assert started.process.returncode == -signal.SIGKILL


def test_it_does_not_outlive_a_demo_that_is_killed(tmp_path: Path) -> None:
    """A demo of three lines starts a process, and is killed before it can clean up."""
    demo = (
        "import sys, signal, pathlib; from streams.demo.processes import Child;"
        f"child = Child('worker', [sys.executable, '-c', {ENDLESS!r}], {{}}, pathlib.Path(sys.argv[1]));"
        "print(child.process.pid, flush=True); signal.pause()"
    )
    playing = subprocess.Popen([sys.executable, "-c", demo, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert playing.stdout is not None
    with playing.stdout as said:
        started = psutil.Process(int(said.readline()))
    os.kill(playing.pid, signal.SIGKILL)
    playing.wait()
    psutil.wait_procs([started], timeout=20)
    # Where nobody buries the dead of others, they lie about.
    assert not started.is_running() or started.status() == psutil.STATUS_ZOMBIE
