"""Trainings that are killed go on where they were, to the same model."""

import json
import multiprocessing
import shutil
import time

import psutil
import pytest

from equal_assets.resources.publishing import put_in_place
from equal_assets.resources.students.build import build_student
from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.checkpoints import (
    COMPLETE,
    last_checkpoint,
    workplace,
)
from equal_assets.settings import HuggingFaceStudentSettings
from equal_assets_tests.micro_student import TRAIN, micro, silent

PAIRS = TRAIN[:96]


def micro_student(folder, **changes):
    return micro(folder, epochs=2, checkpoint_steps=4, **changes)


def student_of(kind, base):
    if kind == "tiny":
        return micro_student("unused")
    return adapted_student(base, processes=2 if kind == "two processes" else None)


def adapted_student(base, **changes):
    """Adapters with dropout: their training draws random numbers at every step."""
    settings = HuggingFaceStudentSettings(
        kind="huggingface",
        model=str(base),
        epochs=2,
        learning_rate=1e-2,
        batch_size=8,
        per_device_batch_size=4,
        context_tokens=64,
        lora_rank=4,
        lora_dropout=0.2,
        checkpoint_steps=4,
        **changes,
    )
    return build_student(settings, "unused")


def tune(kind, base, out, channel):
    """Fine-tune in a process of its own, and tell each step."""
    student_of(kind, base).fine_tune(
        base, PAIRS, out=out, progress=lambda done, total: channel.send(done)
    )


@pytest.fixture(scope="module")
def processes():
    """Processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["trl", "peft", "equal_assets_tests.micro_student"])
    return context


def kill_in_training(processes, kind, base, out, *, after):
    """Kill a process once it has trained on ``after`` examples."""
    ours, theirs = processes.Pipe()
    process = processes.Process(target=tune, args=(kind, base, out, theirs))
    process.start()
    theirs.close()
    while ours.recv() < after:
        pass
    process.kill()
    process.join()
    assert process.exitcode == -9
    assert not out.exists()


def same_weights(first, second):
    first, second = (load(path)[0].state_dict() for path in (first, second))
    return all((first[name] - second[name]).abs().max() < 1e-6 for name in first)


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("adapters", 56),  # in the first epoch of 12 steps
        ("tiny", 152),  # in the second, whose order is drawn when it begins
        pytest.param("adapters", 152, marks=pytest.mark.slow),
        pytest.param("tiny", 56, marks=pytest.mark.slow),
    ],
)
def test_killed_training_goes_on_to_the_same_losses_and_weights(
    processes, base, tmp_path, kind, after
):
    student = student_of(kind, base)
    whole = student.fine_tune(base, PAIRS, out=tmp_path / "whole", progress=silent)
    out = tmp_path / "killed"
    kill_in_training(processes, kind, base, out, after=after)
    (place,) = tmp_path.glob(".killed.training-*")
    resumed_at = 8 * int(last_checkpoint(place).name.rpartition("-")[2])
    assert 32 <= resumed_at <= after + 8
    steps = []
    again = student.fine_tune(base, PAIRS, out=out, progress=lambda done, total: steps.append(done))
    assert steps[0] == resumed_at + 8
    assert again.losses == pytest.approx(whole.losses, abs=1e-6)
    assert same_weights(again.path, whole.path)
    assert again.n_tokens == whole.n_tokens
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "killed"}


@pytest.mark.slow
def test_killed_training_leaves_no_process_and_goes_on_in_many(processes, base, tmp_path):
    student = student_of("two processes", base)
    whole = student.fine_tune(base, PAIRS, out=tmp_path / "whole", progress=silent)
    out = tmp_path / "killed"
    kill_in_training(processes, "two processes", base, out, after=56)
    again = student.fine_tune(base, PAIRS, out=out, progress=silent)  # once all have ended
    at_work = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in at_work if str(tmp_path) in line]
    assert len(again.losses) == len(whole.losses)
    assert again.losses[:4] == pytest.approx(whole.losses[:4], abs=1e-6)
    assert again.losses == pytest.approx(whole.losses, abs=0.05)


def interrupt(student, base, pairs, out):
    """Leave a checkpoint of half of a training."""

    def stop(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        student.fine_tune(base, pairs, out=out, progress=stop)
    (place,) = out.parent.glob(f".{out.name}.training-*")
    assert last_checkpoint(place)


@pytest.mark.parametrize("change", ["pairs", "settings", "base"])
def test_checkpoint_of_something_else_is_removed_and_not_used(base, tmp_path, change):
    first = micro_student(tmp_path)
    interrupt(first, base, PAIRS, tmp_path / "out")
    student = micro_student(tmp_path, learning_rate=4e-3) if change == "settings" else first
    pairs = PAIRS[::-1] if change == "pairs" else PAIRS
    if change == "base":
        base = shutil.copytree(base, tmp_path / "base")
    steps = []
    student.fine_tune(
        base, pairs, out=tmp_path / "out", progress=lambda done, total: steps.append(done)
    )
    assert steps[0] == 8
    assert not list(tmp_path.glob(".out*"))


def test_other_speed_goes_on_with_the_same_checkpoint(base, tmp_path):
    interrupt(micro_student(tmp_path), base, PAIRS, tmp_path / "out")
    steps = []
    micro_student(tmp_path).model_copy(update={"checkpoint_steps": 6}).fine_tune(
        base, PAIRS, out=tmp_path / "out", progress=lambda done, total: steps.append(done)
    )
    assert steps[0] > 64


def test_checkpoint_that_was_cut_off_is_not_used(base, tmp_path):
    interrupt(micro_student(tmp_path), base, PAIRS, tmp_path / "out")
    (place,) = tmp_path.glob(".out.training-*")
    last = last_checkpoint(place)
    (last / COMPLETE).unlink()
    (last / "optimizer.pt").write_bytes(b"cut o")
    earlier = last_checkpoint(place)
    assert earlier != last
    steps = []
    micro_student(tmp_path).fine_tune(
        base, PAIRS, out=tmp_path / "out", progress=lambda done, total: steps.append(done)
    )
    assert steps[0] == 8 * int(earlier.name.rpartition("-")[2]) + 8


def test_seconds_before_a_kill_are_counted(base, tmp_path):
    interrupt(micro_student(tmp_path), base, PAIRS, tmp_path / "out")
    (place,) = tmp_path.glob(".out.training-*")
    (last_checkpoint(place) / COMPLETE).write_text(json.dumps({"seconds": 1000.0}))
    again = micro_student(tmp_path).fine_tune(base, PAIRS, out=tmp_path / "out", progress=silent)
    assert 1000 < again.seconds < 1000 + 100


def make_slowly(out, channel):
    with workplace(out, "key") as place:
        if out.exists():
            channel.send("found")
            return
        channel.send("making")
        time.sleep(0.5)
        (place / "model").mkdir()
        put_in_place(place / "model", out)


def test_second_process_waits_for_the_first_and_finds_what_it_made(processes, tmp_path):
    ours, theirs = processes.Pipe()
    both = [
        processes.Process(target=make_slowly, args=(tmp_path / "out", theirs)) for _ in range(2)
    ]
    for process in both:
        process.start()
    assert [ours.recv(), ours.recv()] == ["making", "found"]
    for process in both:
        process.join()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folder_of_another_training_at_work_is_left_alone(tmp_path):
    out = tmp_path / "out"
    with workplace(out, "first") as first, workplace(out, "second"):
        assert first.is_dir()
    assert not list(tmp_path.iterdir())


def test_failure_before_the_first_checkpoint_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), workplace(tmp_path / "out", "key"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
