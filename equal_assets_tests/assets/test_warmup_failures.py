"""A warm-up whose requests failed: it says why, and can be left."""

import dagster as dg
import polars as pl
import pytest
import yaml

from equal_assets.assets.warmup import warmup_qa
from equal_assets.automation.retry_failures import forget_barren_warm_up, retry_failures
from equal_assets.pages import spend
from equal_assets.records import content_hash
from equal_assets.versions import is_current, stored_versions
from equal_assets_tests.assets.campaign_folder import CampaignFolder
from equal_assets_tests.conftest import TINY
from equal_assets_tests.llm_server import MODEL, document_text, running

N_DOCUMENTS = 6


@pytest.fixture
def folder(tmp_path):
    """A project whose warm-up sample is all of six documents, which are stored."""
    settings = yaml.safe_load(TINY.read_text())
    for split, path in settings["targets"]["python-libraries"].items():
        settings["targets"]["python-libraries"][split] = str((TINY.parent / path).resolve())
    settings["warmup"] = {"share": 1.0}
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    made = CampaignFolder(tmp_path)
    texts = [document_text(number) for number in range(N_DOCUMENTS)]
    rows = pl.DataFrame(
        {
            "document_id": [f"d{number}" for number in range(N_DOCUMENTS)],
            "text": texts,
            "n_characters": [len(text) for text in texts],
        }
    ).with_columns(
        content_hash=pl.Series([content_hash(text) for text in texts]),
        source=pl.lit("s"),
        file=pl.lit("f"),
        row=pl.lit(1),
        metadata=pl.lit("{}"),
        qa_pairs=pl.lit("[]"),
        n_copies=pl.lit(1),
    )
    with made.warehouse.transaction() as transaction:
        transaction.insert("documents", rows)
        transaction.record("documents", inputs="documents", seconds=1.0)
    return made


def extracted_by(folder, server, **more):
    settings = {"backend": "openai", "base_urls": [server.url], "model": MODEL, "refine": False}
    path = folder.path / "campaigns.yaml"
    written = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**written, "extractor": {**settings, **more}}))


def extract(folder):
    """Materialize the warm-up sample; return what it said if it failed."""
    resources = {k: v for k, v in folder.resources().items() if k in ASKED}
    try:
        with dg.DagsterInstance.ephemeral() as instance:
            dg.materialize([warmup_qa], resources=resources, instance=instance)
    except dg.Failure as failure:
        return failure.description
    return None


ASKED = ("warehouse", "campaigns", "extractor")


def retry(folder):
    resources = {k: v for k, v in folder.resources().items() if k in ASKED}
    config = {"ops": {"ask_again": {"config": {"campaigns": []}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        return retry_failures.execute_in_process(
            run_config=config, resources=resources, instance=instance
        ).success


def is_made(folder):
    settings, stored = folder.campaigns.load(), stored_versions(folder.warehouse)
    return is_current("warmup_qa", settings, stored)


def n_failed(folder):
    return spend.n_failed(folder.resources()["extractor"], folder.warehouse, [])


def test_refused_requests_are_named_and_asked_again_once_the_setting_is_mended(folder, tmp_path):
    with running(tmp_path / "log.jsonl", faults=1, kinds="no_max_tokens") as server:
        extracted_by(folder, server)
        said = extract(folder)
        assert said.startswith("documents with QA pairs in the warm-up sample = 0: must be at lea")
        assert "6 of 6 documents failed, 6 of them with: HTTP 400: Unsupported parameter" in said
        assert "set limit_field: max_completion_tokens" in said
        assert "`equal run` asks for them again" in said
        assert "warmup.share" not in said
        assert (is_made(folder), n_failed(folder)) == (False, N_DOCUMENTS)
        assert extract(folder) == said  # nothing is mended: they are refused again
        extracted_by(folder, server, limit_field="max_completion_tokens")
        assert extract(folder) is None
        assert (is_made(folder), n_failed(folder)) == (True, 0)
        assert len(server.requests()) == 3 * N_DOCUMENTS
        assert extract(folder) is None
        assert len(server.requests()) == 3 * N_DOCUMENTS


def test_replies_that_were_cut_off_are_asked_again_once_they_may_be_longer(folder, tmp_path):
    with running(tmp_path / "log.jsonl") as server:
        extracted_by(folder, server, max_reply_tokens=16)
        said = extract(folder)
        assert "6 of them with: reply cut off at max_reply_tokens. Mend that; then `equal" in said
        extracted_by(folder, server, max_reply_tokens=400)
        assert extract(folder) is None
        assert len(server.requests()) == 2 * N_DOCUMENTS


def test_retry_covers_the_warm_up(folder, tmp_path):
    with running(tmp_path / "log.jsonl", faults=1, kinds="reasoning") as server:
        extracted_by(folder, server)
        said = extract(folder)
        assert "6 of them with: the reply came as reasoning, its content is empty" in said
        assert "`equal retry`, then `equal run`, asks for them again" in said
        assert extract(folder) == said
        assert len(server.requests()) == N_DOCUMENTS  # what was paid for in vain is not again
    with running(tmp_path / "mended.jsonl") as server:
        extracted_by(folder, server)
        assert extract(folder) == said
        assert retry(folder)
        assert n_failed(folder) == 0
        assert len(server.requests()) == N_DOCUMENTS
        assert extract(folder) is None
        assert len(server.requests()) == N_DOCUMENTS


def test_warm_up_that_an_earlier_version_stored_without_pairs_is_extracted_again(folder, tmp_path):
    with running(tmp_path / "log.jsonl") as server:
        extracted_by(folder, server)
        assert extract(folder) is None
        forget_barren_warm_up(folder.warehouse)
        assert is_made(folder)  # there are pairs
        with folder.warehouse.transaction() as transaction:
            transaction.delete("warmup_qa")
        forget_barren_warm_up(folder.warehouse)
        assert not is_made(folder)
        assert extract(folder) is None
        assert len(server.requests()) == N_DOCUMENTS


def test_retry_leaves_a_sample_that_an_embedder_is_tuned_on(folder, tmp_path):
    with running(tmp_path / "log.jsonl", faults=1, kinds="no_seed", dialect_after=3) as server:
        extracted_by(folder, server, concurrency=1)
        assert extract(folder) is None
        assert n_failed(folder) == 3
        with folder.warehouse.transaction() as transaction:
            transaction.record("contrastive_embedder", inputs="e", seconds=1.0)
        extracted_by(folder, server, concurrency=1)
    with running(tmp_path / "mended.jsonl") as server:
        extracted_by(folder, server, concurrency=1)
        assert retry(folder)
        assert n_failed(folder) == 0
        assert is_made(folder)
        assert len(server.requests()) == 3


def test_corpus_without_pairs_is_told_to_need_an_llm(folder):
    path = folder.path / "campaigns.yaml"
    written = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**written, "extractor": {"backend": "replay"}}))
    said = extract(folder)
    assert said.startswith("0% of the documents gave pairs (0 pairs in 0 of 6): this corpus needs")
    assert "set extractor.backend to openai" in said
