"""What vLLM's processes write when they do not start, as it was seen, and who is told."""

import subprocess
import sys

import pytest

from equal_assets.resources.llm.overheard import Overheard, last_error

STARTED = """\
INFO 11-28 03:09:01 [__init__.py:216] Automatically detected platform cpu.
(EngineCore_DP0 pid=711) INFO 11-28 03:09:05 [core.py:77] Initializing a V1 LLM engine
"""
FAILED = """\
(EngineCore_DP0 pid=711) ERROR 11-28 03:09:09 [core.py:708] EngineCore failed to start.
(EngineCore_DP0 pid=711) ERROR 11-28 03:09:09 [core.py:708] Traceback (most recent call last):
(EngineCore_DP0 pid=711) ERROR 11-28 03:09:09 [core.py:708]   File "core.py", line 699, in run
(EngineCore_DP0 pid=711) ERROR 11-28 03:09:09 [core.py:708]     engine_core = EngineCoreProc()
(EngineCore_DP0 pid=711) ERROR 11-28 03:09:09 [core.py:708] ValueError: Free memory on device is \
less than desired GPU memory utilization (0.85, 6.6 GiB).
(EngineCore_DP0 pid=711) Process EngineCore_DP0:
(EngineCore_DP0 pid=711) Traceback (most recent call last):
(EngineCore_DP0 pid=711)   File "process.py", line 314, in _bootstrap
(EngineCore_DP0 pid=711) ValueError: Free memory on device is \
less than desired GPU memory utilization (0.85, 6.6 GiB).
"""
REASON = (
    "ValueError: Free memory on device is less than desired GPU memory utilization (0.85, 6.6 GiB)."
)


def test_reason_is_the_last_error_of_the_child():
    assert last_error((STARTED + FAILED).splitlines()) == REASON


@pytest.mark.parametrize(
    "elsewhere",
    [
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core "
        "proc(s): {}",
        "Exception: WorkerProc initialization failed due to an exception in a background process. "
        "See stack trace for root cause.",
    ],
)
def test_error_that_only_names_another_is_passed_over(elsewhere):
    assert last_error([*FAILED.splitlines(), elsewhere]) == REASON


def test_error_of_several_lines_is_kept_and_one_of_another_library_is_one():
    lines = [
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
        "  Value error, The checkpoint is of model type `magic`, which is not known [type=value]",
        "    For further information visit https://errors.pydantic.dev",
        "done",
    ]
    assert last_error(lines) == " ".join(line.strip() for line in lines[:3])
    memory = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert last_error([f"(Worker pid=5) {memory}", "exit"]) == memory


def test_last_lines_are_told_where_there_is_no_error():
    assert last_error(["a", "b", "", "c", "Killed"]) == "b; c; Killed"
    assert last_error([]) == ""


def test_children_are_heard_and_passed_on_and_the_outputs_come_back(capfd):
    overheard = Overheard()
    code = f"import sys; sys.stdout.write('said\\n'); sys.stdout.flush(); sys.exit({REASON!r})"
    with overheard.listening():
        child = subprocess.Popen([sys.executable, "-c", code])
    sys.stdout.write("mine\n")
    sys.stdout.flush()
    child.wait()
    assert overheard.reason() == REASON
    out, err = capfd.readouterr()
    assert "said" in out
    assert "mine" in out
    assert REASON in err
