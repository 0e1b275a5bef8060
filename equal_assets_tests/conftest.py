"""Shared fixtures; the environment is set before anything of the project is imported."""

import os
import sys
import tempfile
from pathlib import Path

TINY = Path(__file__).parent / "tiny" / "campaigns.yaml"
STATE = Path(tempfile.mkdtemp(prefix="equal-assets-tests-"))

os.environ["EQUAL_CAMPAIGNS"] = str(TINY)  # partitions are fixed when definitions are loaded
os.environ["EQUAL_HOME"] = str(STATE / "unused")
os.environ["HF_HUB_OFFLINE"] = "1"
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if IS_WORKER:  # beside others, each on a core
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("DAGSTER_HOME", None)
# else each process compiles the package anew, and those of pytest rewrite every test
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

from equal_assets.settings import quiet_libraries  # noqa: E402 - after the environment

quiet_libraries()

import fcntl  # noqa: E402
import gc  # noqa: E402
import hashlib  # noqa: E402
import shutil  # noqa: E402

import dagster as dg  # noqa: E402
import pytest  # noqa: E402

from equal_assets.resources.campaigns_file import CampaignsFile  # noqa: E402
from equal_assets.resources.warehouse import Warehouse  # noqa: E402
from equal_assets.resources.warehouse_file import open_warehouse  # noqa: E402


def pytest_collection_modifyitems(items):
    """Begin with the tests of the whole command: the longest, they would end the session alone."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


def pytest_collection_finish():
    gc.freeze()  # the libraries stay: each training looks for garbage, half a second among them all


def pytest_sessionfinish():
    shutil.rmtree(STATE, ignore_errors=True)


@pytest.fixture(scope="session")
def models(tmp_path_factory, request) -> Path:
    """A models folder that holds the static embedder, for all test processes.

    Distilling it takes most of a minute, so pytest's cache keeps it for as long as the code that
    makes it is the same.
    """
    from equal_assets.resources.embedding import embedder

    shared = tmp_path_factory.getbasetemp()
    if IS_WORKER:
        shared = shared.parent  # that of all workers
    folder = shared / "models"
    code = hashlib.sha256(Path(embedder.__file__).read_bytes()).hexdigest()[:12]
    with (shared / "models.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        cache = getattr(request.config, "cache", None)  # pytest can be told to keep none
        kept = (cache.mkdir("models") if cache else shared / "distilled") / code
        if not kept.exists():
            shutil.rmtree(kept.parent, ignore_errors=True)  # of other code
            draft = kept.parent / "draft"
            embedder.static_model(draft, progress=lambda done, total: None)
            draft.rename(kept)
        shutil.copytree(kept, folder)
    return folder


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    """A database with every table and view: making them takes longer than copying the file."""
    database = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    with open_warehouse(str(database)):
        return database


@pytest.fixture
def warehouse(tmp_path, empty_database) -> Warehouse:
    """An empty warehouse."""
    database = shutil.copy(empty_database, tmp_path / "warehouse.duckdb")
    return Warehouse(database=str(database), lock_timeout_seconds=2)


@pytest.fixture
def campaigns(tmp_path) -> CampaignsFile:
    """The tiny campaigns file, with a state folder of its own."""
    return CampaignsFile(path=str(TINY), state_folder=str(tmp_path))


@pytest.fixture
def instance(tmp_path) -> dg.DagsterInstance:
    """A Dagster instance that is gone after the test."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="session")
def tracker(tmp_path_factory):
    """An MLflow store that tests share: making one takes seconds."""
    from equal_assets.resources.tracking import build_tracker
    from equal_assets.settings import TrackingSettings
    from equal_assets_tests.project import empty_mlflow_store

    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "mlflow.db").write_bytes(empty_mlflow_store())
    return build_tracker(TrackingSettings(), folder)


@pytest.fixture(scope="session")
def micro_folder(tmp_path_factory) -> Path:
    """Where the models of the micro student are."""
    return tmp_path_factory.mktemp("micro")


@pytest.fixture(scope="session")
def student(micro_folder):
    """The micro student."""
    from equal_assets_tests.micro_student import micro

    return micro(micro_folder)


@pytest.fixture(scope="session")
def base(student) -> Path:
    """Its base model."""
    from equal_assets_tests.micro_student import TEXTS, silent

    return student.base(TEXTS, corpus_version="facts", progress=silent)


@pytest.fixture(scope="session")
def tuning(student, base, micro_folder):
    """Its fine-tune on half of the facts."""
    from equal_assets_tests.micro_student import TRAIN, silent

    return student.fine_tune(base, TRAIN, out=micro_folder / "tuned", progress=silent)


@pytest.fixture
def cluster():
    """Two nodes of Ray with a processor each; ended after the test."""
    import ray
    from ray.cluster_utils import Cluster

    started = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "node_ip_address": "127.0.0.1"}
    )
    started.add_node(num_cpus=1, node_ip_address="127.0.0.1")
    yield started
    ray.shutdown()
    started.shutdown()
