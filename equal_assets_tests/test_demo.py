"""The demo as it is shipped; takes minutes: pytest -m slow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.slow
def test_shipped_demo_goes_from_nothing_to_the_accuracy_of_both_campaigns(tmp_path):
    shutil.copy(REPOSITORY / "dagster.yaml", tmp_path)
    home = {"EQUAL_HOME": str(tmp_path / "state"), "DAGSTER_HOME": str(tmp_path)}
    environment = {**os.environ, **home, "EQUAL_CAMPAIGNS": str(REPOSITORY / "campaigns.yaml")}
    command = [sys.executable, "-m", "equal_assets.cli.main", "run"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=1800)
    with duckdb.connect(str(tmp_path / "state" / "warehouse.duckdb")) as warehouse:
        assert warehouse.execute("select count(*) from documents").fetchone()[0] >= 5_000
        accuracies = warehouse.execute(
            "select campaign, tuned from student_accuracy where metric = 'pmi_accuracy' order by 1"
        ).fetchall()
    assert [campaign for campaign, _ in accuracies] == ["equal-paper", "random"]
    assert all(0 < accuracy <= 1 for _, accuracy in accuracies)
