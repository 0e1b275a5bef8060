"""Two long pages whose chunks are bought one by one, through the command that users type."""

import json

import pytest
import yaml

from equal_assets_tests.llm_server import MODEL, document_text, running, write_squares
from equal_assets_tests.project import Project

pytestmark = pytest.mark.slow

SECTIONS, BUDGET = 40, 24


def page(name: str, numbers: range) -> str:
    sections = [f"## Integer {n}\n\n{document_text(n, n_pairs=n % 3)}" for n in numbers]
    return "\n\n".join([f"# {name}", *sections])


@pytest.fixture(scope="module")
def played(tmp_path_factory, models):
    """A project after `equal run`, what the command printed, and the log of its server."""
    folder = tmp_path_factory.mktemp("pages")
    project = Project.make(folder / "project", models=models)
    pages = {"low": page("Low", range(SECTIONS)), "high": page("High", range(500, 500 + SECTIONS))}
    write_squares(project.folder, [])
    rows = [{"id": name, "body": text} for name, text in pages.items()]
    (project.folder / "documents.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with running(folder / "log.jsonl") as server:
        settings = yaml.safe_load((project.folder / "campaigns.yaml").read_text())
        settings["corpus"] = {
            **{"source": "files", "paths": ["documents.jsonl"], "text_field": "body"},
            **{"id_field": "id", "chunk_characters": 700},
        }
        settings["extractor"] = {"backend": "openai", "base_urls": [server.url], "model": MODEL}
        settings["targets"] = {"squares": {"reference": "reference.jsonl", "test": "test.jsonl"}}
        settings["campaigns"] = {
            name: {
                **{"target": "squares", "strategy": strategy, "budget_documents": BUDGET},
                **{"documents_per_pull": 3, "arms_per_round": 4},
            }
            for name, strategy in (("chosen", "equal"), ("drawn", "random"))
        }
        settings["dataset"] = {"min_examples": 1}
        (project.folder / "campaigns.yaml").write_text(yaml.safe_dump(settings))
        estimate = project.equal("run", "--estimate")
        assert "Documents: " in estimate.stdout, estimate.stdout + estimate.stderr
        run = project.equal("run")
        assert run.returncode == 0, run.stdout + run.stderr
        yield project, estimate.stdout + run.stdout, server.requests()


def test_two_pages_become_documents_of_a_section_or_two(played):
    project, printed, _ = played
    rows = project.sql(
        "select page, count(*), max(chunk), min(length(text)), max(n_characters) from documents "
        "group by page order by page"
    ).rows()
    assert [row[0] for row in rows] == ["high", "low"]
    assert all(row[1] == row[2] >= SECTIONS // 2 for row in rows)
    assert all(row[3] > 100 and row[4] < 800 for row in rows)
    n_chunks = sum(row[1] for row in rows)
    assert f"documents: {n_chunks} ({n_chunks} chunks of 2 pages)" in printed
    assert f"Documents: {n_chunks}, among them {n_chunks} chunks of 2 pages." in printed


def test_budget_buys_chunks_of_one_page_in_several_rounds(played):
    project, printed, _ = played
    bought = project.sql(
        "select campaign, page, count(*), count(distinct document_id), count(distinct round) "
        "from bandit_documents join documents using (document_id) group by all order by all"
    ).rows()
    assert sum(row[2] for row in bought if row[0] == "chosen") == BUDGET
    assert all(n == n_distinct for *_, n, n_distinct, _ in bought)
    assert max(row[4] for row in bought if row[0] == "chosen") == 2
    assert max(row[2] for row in bought) < SECTIONS
    assert f"{BUDGET} chunks of 2 pages" in printed


def test_no_text_is_paid_for_twice(played):
    project, _, requests = played
    digests = [request["digest"] for request in requests if request["billed"]]
    assert len(digests) == len(set(digests))
    twice = "select content_hash from extractions group by all having count(*) > 1"
    assert project.sql(twice).is_empty()


def test_trace_says_which_chunk_of_which_page_a_pair_is_from(played):
    project, _, _ = played
    qa_id, page_id, chunk = project.sql(
        "select qa_id, page, chunk from qa_dataset join documents using (document_id) limit 1"
    ).row(0)
    shown = project.equal("trace", qa_id).stdout
    assert f"{page_id}#{chunk}" in shown
    assert f"chunk  {chunk} of page {page_id}" in shown
