"""One command works on a state folder; others are told which, and a killed one leaves nothing."""

import os
import signal
import subprocess
import sys
import time

import pytest

from equal_assets.cli.lock import alone_in
from equal_assets.errors import FolderInUseError

HOLDS = """
import os, sys, time
from pathlib import Path
from equal_assets.cli.lock import alone_in
with alone_in(Path(sys.argv[1]), "equal run"):
    if os.fork() == 0:  # what it started goes on without it
        print("held", flush=True)
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_second_command_is_told_who_works_in_the_folder_and_since_when(tmp_path, holder):
    today = time.strftime("%Y-%m-%d")
    with pytest.raises(
        FolderInUseError,
        match=rf"is in use by `equal run` \(PID {holder.pid} on .+, since {today} .+\): wait for",
    ):
        alone_in(tmp_path, "equal retry").__enter__()


def test_killed_command_leaves_the_folder_free_though_its_child_lives(tmp_path, holder):
    holder.kill()
    holder.wait()
    with alone_in(tmp_path, "equal run"):
        pass


def test_commands_one_after_another_are_not_in_each_others_way(tmp_path):
    for _ in range(2):
        with alone_in(tmp_path / "new", "equal run"):
            pass
