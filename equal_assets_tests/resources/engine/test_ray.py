"""The Ray engine on clusters of several nodes that are started and killed here."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from equal_assets.algorithms.surface import surface_features
from equal_assets.algorithms.yields import YieldModel
from equal_assets.errors import CorpusError, ServiceError
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.embedding.shards import EmbedTexts, Texts, stored_texts
from equal_assets.resources.engine.engine import LocalEngine
from equal_assets.resources.engine.ray import RayEngine
from equal_assets.resources.engine.sharing import shared_model
from equal_assets.resources.students.reading import PromptedAnswers, ReadAnswers
from equal_assets.settings import InfluenceSettings
from equal_assets.steps.text_yields import PredictYields
from equal_assets_tests.micro_student import TEXTS
from equal_assets_tests.number_embedder import number_embedder
from equal_assets_tests.resources.corpora.test_reading import files
from equal_assets_tests.written_files import docx

pytestmark = pytest.mark.ray

ROUNDING = 1e-5
"""Of a score: a worker computes with one thread, which adds up in another order than several."""

PARTS = [
    Texts([f"h{n}" for n in range(a, a + 10)], [str(n) for n in range(a, a + 10)])
    for a in range(0, 200, 10)
]


def engine_of(cluster, place):
    return RayEngine(place=str(place), address=cluster.address)


@dataclass(frozen=True)
class Logged:
    """Stores a part as a file named after it, and says in another that it was begun."""

    folder: str
    seconds: float = 0.0
    kills: str = "nothing"  # the part whose first try ends its process

    def __call__(self, part):
        began = Path(self.folder) / f"{part}-{time.time_ns()}.began"
        is_first = not list(Path(self.folder).glob(f"{part}-*.began"))
        began.touch()
        if str(part) == self.kills and is_first:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        (Path(self.folder) / f"{part}.done").touch()
        return part


def tries(folder, part):
    return len(list(folder.glob(f"{part}-*.began")))


def test_vectors_are_those_of_the_local_engine(cluster, tmp_path):
    found = {}
    engines = {
        "local": LocalEngine(place=str(tmp_path / "local")),
        "ray": engine_of(cluster, tmp_path / "ray"),
    }
    for kind, engine in engines.items():
        task = EmbedTexts(number_embedder(), "m", engine.storage)
        assert sum(engine.map(task, PARTS)) == 200
        found[kind] = {
            name: (tmp_path / kind / name).read_bytes() for name in engine.storage.names()
        }
    assert found["local"] == found["ray"]
    assert len(found["ray"]) == len(PARTS)


def test_what_a_student_says_is_that_of_the_local_engine(cluster, student, base, tmp_path):
    engines = {
        "local": LocalEngine(place=str(tmp_path / "local")),
        "ray": engine_of(cluster, tmp_path / "ray"),
    }
    keys = pl.Series("content_hash", [f"h{number}" for number in range(24)])
    parts = [
        PromptedAnswers(keys[start : start + 8], [""] * 8, TEXTS[start : start + 8])
        for start in (0, 8, 16)
    ]
    for kind in ("perplexity", "influence", "states"):
        found = {}
        for name, engine in engines.items():
            model = shared_model(str(base), engine)
            read = ReadAnswers(student, model, kind, InfluenceSettings(dimensions=64))
            if kind == "influence":
                ((gradients, _),) = engine.map(read.gradients, parts[:1])
                read = replace(read, target=gradients.mean(axis=0))
            found[name] = pl.concat(engine.map(read, parts)).drop("seconds")
        assert found["ray"]["content_hash"].to_list() == keys.to_list()
        assert_frame_equal(found["ray"], found["local"], abs_tol=ROUNDING)


def test_what_texts_should_give_is_that_of_the_local_engine(cluster, tmp_path):
    lengths = np.arange(len(TEXTS)) % 3
    predict = PredictYields(YieldModel(surface_features(TEXTS), lengths, 50 * lengths))
    pages = list(
        pl.DataFrame({"document_id": map(str, range(len(TEXTS))), "text": TEXTS}).iter_slices(50)
    )
    found = pl.concat(engine_of(cluster, tmp_path).map(predict, pages))
    assert found["expected_pairs"].n_unique() > 1
    assert_frame_equal(found, pl.concat(map(predict, pages)), check_exact=True)


def test_files_are_converted_as_by_the_local_engine(cluster, tmp_path):
    folder = tmp_path / "library"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02}.html").write_text(f"<h1>Page {number}</h1><p>{TEXTS[number]}</p>")
    docx(folder / "05.docx", ("Heading1", "Moons"), ("", "Mars has two of them. " * 5))
    (folder / "06.docx").write_bytes(b"no archive")
    found = list(read_corpus(files(folder), engine_of(cluster, tmp_path)))
    assert found == list(read_corpus(files(folder)))
    assert [Path(item.file).name for item in found[5:9]] == [
        "05.docx",
        "05.html",
        "06.docx",
        "06.html",
    ]


def test_outcomes_come_in_the_order_of_the_parts(cluster, tmp_path):
    engine = engine_of(cluster, tmp_path)
    assert list(engine.map(Logged(str(tmp_path)), range(30))) == list(range(30))
    assert "2 machine(s), 2 CPUs, 0 GPUs" in engine.describe()


def test_part_whose_worker_dies_is_done_again_and_no_other(cluster, tmp_path):
    engine = engine_of(cluster, tmp_path)
    assert list(engine.map(Logged(str(tmp_path), kills="7"), range(20))) == list(range(20))
    assert [tries(tmp_path, part) for part in (6, 7, 8)] == [1, 2, 1]


def test_work_goes_on_where_a_machine_is_lost(cluster, tmp_path):
    lost = cluster.add_node(num_cpus=2, node_ip_address="127.0.0.1")
    outcomes = engine_of(cluster, tmp_path).map(Logged(str(tmp_path), seconds=0.2), range(40))
    first = [next(outcomes) for _ in range(5)]
    cluster.remove_node(lost, allow_graceful=False)
    assert first + list(outcomes) == list(range(40))


def drive(address, folder):
    list(RayEngine(place=folder, address=address).map(Logged(folder, seconds=0.3), range(40)))


def test_after_a_lost_cluster_the_next_does_what_is_missing(cluster, tmp_path):
    driver = multiprocessing.get_context("spawn").Process(
        target=drive, args=(cluster.address, str(tmp_path))
    )
    driver.start()
    while not (tmp_path / "5.done").exists():
        assert driver.is_alive()
        time.sleep(0.1)
    for node in list(cluster.worker_nodes | {cluster.head_node}):
        cluster.remove_node(node, allow_graceful=False)
    driver.join(timeout=150)
    assert driver.exitcode  # it has failed; Ray itself may end the process of a driver
    left = [part for part in range(40) if not (tmp_path / f"{part}.done").exists()]
    assert 0 < len(left) < 35
    assert list(LocalEngine(place=str(tmp_path)).map(Logged(str(tmp_path)), left)) == left
    assert max(tries(tmp_path, part) for part in range(40)) <= 2


def test_error_of_a_task_is_raised_as_it_is(cluster, tmp_path):
    with pytest.raises(CorpusError, match="part 3 is bad"):
        list(engine_of(cluster, tmp_path).map(fail_at_three, range(10)))


def fail_at_three(part):
    if part == 3:
        raise CorpusError("part 3 is bad")
    return part


def test_cluster_that_is_not_there_is_told(tmp_path):
    with pytest.raises(
        ServiceError, match=r"engine.address = '127.0.0.1:1': no Ray cluster answers"
    ):
        list(RayEngine(place=str(tmp_path), address="127.0.0.1:1").map(abs, [1]))


@pytest.fixture
def bucket(monkeypatch):
    """The URI of a bucket of an S3 server; a cluster that is started later has its keys."""
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    import boto3

    boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").create_bucket(
        Bucket="vectors"
    )
    yield f"s3://vectors/equal?scheme=http&endpoint_override={host}:{port}&region=us-east-1"
    server.stop()


def test_object_store_holds_the_vectors_and_the_model(bucket, cluster, tmp_path):
    engine = RayEngine(place=bucket, address=cluster.address)
    (tmp_path / "model" / "part").mkdir(parents=True)
    (tmp_path / "model" / "part" / "weights").write_bytes(b"w")
    shared = engine.storage.below("models").below("v1")
    shared.add_folder(tmp_path / "model")
    assert (shared.local() / "part" / "weights").read_bytes() == b"w"
    storage = engine.storage.below("vectors").below("v1")
    list(engine.map(EmbedTexts(number_embedder(), "m", storage), PARTS[:3]))
    index = stored_texts(storage)
    assert sorted(index["content_hash"]) == sorted(f"h{n}" for n in range(30))
