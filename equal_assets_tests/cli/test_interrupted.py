"""Ctrl-C on a real terminal: one line, code 130, no traceback, no helper left."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from equal_assets_tests.project import Project

IN_A_STEP = """
import time
from unittest.mock import patch
from equal_assets.cli.main import main
from equal_assets.resources.extraction.extractors import StructuralExtractor

def wait(self, documents, order):
    print("in the step", flush=True)
    time.sleep(60)

with patch.object(StructuralExtractor, "extract", wait):
    main(["run"], prog_name="equal")
"""


def pressed(project, *python, after, seconds=90.0):
    """Run Python on a terminal of its own; press Ctrl-C once a text is shown or a time has passed.

    Return the exit code as a shell gives it, and all that was shown.
    """
    process, terminal = pty.fork()
    if not process:
        os.chdir(project.folder)
        environment = {**project.environment(), "TERM": "xterm"}
        os.execvpe(python[0], python, environment)
    shown, is_pressed, began = b"", False, time.monotonic()
    try:
        while time.monotonic() - began < seconds:
            if select.select([terminal], [], [], 0.05)[0]:
                try:
                    shown += os.read(terminal, 65536)
                except OSError:  # nobody writes any more
                    break
            waited = time.monotonic() - began
            is_due = after.encode() in shown if isinstance(after, str) else waited > after
            if is_due and not is_pressed:
                os.write(terminal, b"\x03")
                is_pressed = True
        else:
            os.kill(process, signal.SIGKILL)
    finally:
        _, status = os.waitpid(process, 0)
        os.close(terminal)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code, shown.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pressed")
    (folder / "none").mkdir()  # no model is needed as far as these go
    return Project.make(folder / "project", models=folder / "none")


WHILE_LOADED = """
import equal_assets.cli
print("loading", flush=True)
from equal_assets.cli.main import main
main(["{}"], prog_name="equal")
"""


@pytest.mark.parametrize("command", ["check", "run", "ui"])
def test_ctrl_c_while_the_command_is_loaded_is_one_line(project, command):
    code, shown = pressed(
        project, sys.executable, "-c", WHILE_LOADED.format(command), after="loading"
    )
    assert code == 130, shown
    assert "Traceback" not in shown
    assert shown.count("interrupted") == 1


def test_ctrl_c_in_a_step_shows_no_traceback_of_helpers(project):
    code, shown = pressed(project, sys.executable, "-c", IN_A_STEP, after="warmup_qa")
    assert code == 130, shown
    assert "Traceback" not in shown, shown
    assert "`equal run` goes on from there" in shown


BESIDE_STEPS = """
import os, signal
from unittest.mock import patch
from equal_assets.cli.main import main
from equal_assets.cli.runner import Runner

def press(self, *arguments, **named):
    os.kill(os.getpid(), signal.SIGINT)
    print("not heard", flush=True)

with patch.object(Runner, "_execute", press):
    main(["run"], prog_name="equal")
"""


def test_sigint_counts_between_steps_of_a_run_in_the_background(project):
    deaf = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{BESIDE_STEPS}"
    done = subprocess.run(
        [sys.executable, "-c", deaf],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "not heard" not in done.stdout
    assert "`equal run` goes on from there" in done.stdout + done.stderr
