"""What is not imported until it is used: each of these takes a second or more."""

import os
import subprocess
import sys

import pytest

HEAVY = {
    "datasets",
    "datasketch",
    "matplotlib",
    "mlflow",
    "openai",
    "ot",
    "pandas",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "sqlalchemy",
    "torch",
    "transformers",
    "trl",
}
HELP = HEAVY | {"dagster", "duckdb", "numpy", "polars", "pyarrow", "pydantic", "yaml"}

COMMAND = """
import sys
from equal_assets.cli.main import main

try:
    main(sys.argv[1].split())
finally:
    sys.stderr.write(" ".join(sys.modules))
"""
DEFINITIONS = """
import sys
import equal_assets.definitions

sys.stderr.write(" ".join(sys.modules))
"""


@pytest.mark.parametrize(
    ("code", "called", "absent"),
    [
        (COMMAND, "--help", HELP),
        (COMMAND, "status", HEAVY),
        (DEFINITIONS, "", HEAVY),
    ],
)
def test_what_takes_long_is_imported_where_it_is_used(tmp_path, code, called, absent):
    done = subprocess.run(
        [sys.executable, "-c", code, called],
        env={**os.environ, "EQUAL_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {name.partition(".")[0] for name in done.stderr.split()}
    assert "equal_assets" in imported
    assert not imported & absent
