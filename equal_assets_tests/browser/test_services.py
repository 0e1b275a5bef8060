"""The servers of the browser tests leave no process behind."""

import psutil
import pytest

from equal_assets_tests.browser.services import running_services
from equal_assets_tests.project import Project

pytestmark = pytest.mark.browser


def test_no_process_is_left_when_a_test_fails(tmp_path, models):
    project = Project.make(tmp_path / "project", models=models)
    running: list[psutil.Process] = []

    def fail():
        with running_services(project) as services:
            running.extend(services.processes())
            raise AssertionError("a test failed")

    with pytest.raises(AssertionError, match="a test failed"):
        fail()
    assert len(running) >= 5  # equal ui, dagster dev, code server, webserver, daemon, mlflow
    assert not [process for process in running if process.is_running()]
