"""The sizes and the text that `equal init` writes."""

import pytest
import yaml

from equal_assets.init.campaigns import Sizes, campaigns_text


@pytest.mark.parametrize("n_documents", [2, 3, 20, 99, 100, 205, 1000, 6000, 100_000, 1_400_000])
@pytest.mark.parametrize("is_paid", [False, True])
def test_sizes_fit_a_corpus_of_any_size(n_documents, is_paid):
    sizes = Sizes.of(n_documents, is_paid=is_paid)
    assert 2 <= sizes.n_clusters <= min(n_documents, 1000)
    assert 1 <= sizes.budget_documents <= max(1, n_documents // 2)
    assert 1 <= sizes.arms_per_round <= sizes.n_clusters
    rounds = sizes.budget_documents / (sizes.documents_per_pull * sizes.arms_per_round)
    assert rounds <= 365
    assert 0.05 <= sizes.warmup_share <= (0.5 if is_paid else 1)
    if not is_paid:  # enough to tune on
        assert sizes.warmup_share * n_documents >= min(n_documents, 100)


def test_large_corpora_have_the_papers_shares():
    sizes = Sizes.of(100_000, is_paid=True)
    assert (sizes.warmup_share, sizes.budget_documents, sizes.documents_per_pull) == (
        0.05,
        5000,
        10,
    )


def test_corpus_that_was_not_read_to_its_end_gets_no_large_sample():
    assert Sizes.of(433, is_paid=True).warmup_share == 0.3
    assert Sizes.of(433, is_paid=True, is_whole=False).warmup_share == 0.05


@pytest.mark.parametrize("name", ["a b.jsonl", "- x", "#1: 'y'", "über/*.md", "yes", "1"])
def test_any_path_survives_the_file(name):
    text = campaigns_text(
        corpus={"source": "files", "paths": [name, "b"], "text_field": name},
        extractor={"backend": "openai", "base_urls": ["http://h/v1"], "model": name},
        target={"reference": name, "test": "t.jsonl"},
        sizes=Sizes.of(20, is_paid=True),
        basis="of 20 documents",
    )
    read = yaml.safe_load(text)
    assert read["corpus"] == {"source": "files", "paths": [name, "b"], "text_field": name}
    assert read["extractor"]["model"] == name
    assert read["targets"]["my-task"]["reference"] == name
    assert [c["strategy"] for c in read["campaigns"].values()] == ["equal", "random"]
    assert "never exceeded; of 20 documents" in text
