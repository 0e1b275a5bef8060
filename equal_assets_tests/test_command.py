"""Calls of `equal` that are forked are what calls of the shell are: each by itself."""

import os
import subprocess

import pytest

from equal_assets_tests.command import run_command


def equal(folder, *arguments, timeout=60, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EQUAL_")} | variables
    return run_command(arguments, folder=folder, environment=environment, timeout=timeout)


def test_output_errors_and_exit_code_are_those_of_the_command(tmp_path):
    shown = equal(tmp_path, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Show rounds, budget, reward and accuracy" in shown.stdout
    wrong = equal(tmp_path, "nope")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "No such command 'nope'" in wrong.stderr


def test_folder_and_environment_are_those_of_the_call_alone(tmp_path):
    before = dict(os.environ), os.getcwd()
    named = equal(tmp_path, "status", EQUAL_CAMPAIGNS="named.yaml")
    assert named.returncode == 2
    assert "named.yaml" in named.stdout
    assert "campaigns.yaml" in equal(tmp_path, "status").stdout
    assert (dict(os.environ), os.getcwd()) == before


def test_call_that_takes_too_long_is_killed(tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        equal(tmp_path, "--help", timeout=0)
