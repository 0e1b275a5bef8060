"""A campaign whose reviewers speak between its rounds."""

import json
import logging
from pathlib import Path

import dagster as dg
import pytest
import yaml

from equal_assets.assets import clustering, corpus, dataset, warmup
from equal_assets.assets.target import target_qa
from equal_assets.automation.outdated import outdated_assets
from equal_assets.export.contents import read_contents
from equal_assets.lineage.trace import trace
from equal_assets.records import QAPair
from equal_assets.resources.verdicts import PairVerdict, verdicts_beside
from equal_assets.steps.pruning import examples_after
from equal_assets.steps.review import LOW_SCORE
from equal_assets.steps.round_player import prepare_campaign
from equal_assets.steps.rounds import plan_round, play_round
from equal_assets.versions import stored_versions
from equal_assets_tests.assets.campaign_folder import CampaignFolder

LOG = logging.getLogger("test")
N_EACH = 24
KINDS = {
    "bread": "Knead the dough of rye loaf {n} for {m} minutes, let it rise in the warm kitchen, "
    "then bake the bread in a hot oven.",
    "stars": "Telescope plate {n} shows {m} stars of the galaxy cluster, whose red shift tells the "
    "astronomers its distance.",
}
ASKED = {"bread": "How long is the dough of rye loaf {n} kneaded?"}
ASKED["stars"] = "How many stars does telescope plate {n} show?"


def pair(kind: str, n: int) -> QAPair:
    text = KINDS[kind].format(n=n, m=100 + n)
    return QAPair(ASKED[kind].format(n=n), f"{text.split(',')[0]}. That makes {100 + n}.")


class Campaign(CampaignFolder):
    """A project of two campaigns with one target, over documents of two kinds."""

    @property
    def verdicts(self):
        return verdicts_beside(self.warehouse.database)

    def player(self, name="equal"):
        return prepare_campaign(name, **self.resources(), run="run", log=LOG)

    def make_dataset(self) -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            assert dg.materialize(
                [dataset.qa_dataset],
                resources=self.resources(),
                partition_key="equal",
                instance=instance,
            ).success

    def rows(self, query: str) -> list[tuple]:
        with self.warehouse.get_connection() as connection:
            return connection.execute(query).fetchall()

    def version(self) -> str:
        return stored_versions(self.warehouse)["qa_dataset", "equal"][1]

    def shares(self, number: int, name="equal") -> dict[str, float]:
        """Return the share of each kind among the documents that a round would use."""
        player = self.player(name)
        rows = [row for pull in plan_round(player, number) for row in pull.documents]
        ids = [player.document_ids[row] for row in rows]
        return {kind: sum(i.startswith(kind) for i in ids) / len(ids) for kind in KINDS}


def make(path: Path) -> Campaign:
    path.mkdir()
    documents = [
        {"id": f"{kind}-{n:02}", "text": text.format(n=n, m=100 + n)}
        | {"qa": [{"question": pair(kind, n).question, "answer": pair(kind, n).answer}]}
        for kind, text in KINDS.items()
        for n in range(N_EACH)
    ]
    reference = [
        {"question": "How is bread baked?", "answer": "Knead the dough, then use a hot oven."},
        {"question": "What is a galaxy?", "answer": "A cluster of stars seen in a telescope."},
    ]
    test = [{"question": "Why is the sky blue?", "answer": "Light is scattered."}]
    for name, rows in (("corpus", documents), ("reference", reference), ("test", test)):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    played = {"target": "t", "budget_documents": 40, "documents_per_pull": 10, "arms_per_round": 2}
    settings = {
        "corpus": {"source": "files", "paths": ["corpus.jsonl"], "id_field": "id"}
        | {"qa_field": "qa", "min_characters": 20},
        "embedder": {"model": "all-MiniLM-L6-v2"},
        "warmup": {"method": "none", "share": 0.2},
        "clustering": {"n_clusters": 2},
        "extractor": {"backend": "replay"},
        "dataset": {"same_meaning": None, "near_duplicate": None, "shortest_answer": None},
        "targets": {"t": {"reference": "reference.jsonl", "test": "test.jsonl"}},
        "campaigns": {
            "equal": {**played, "strategy": "equal"},
            "random": {**played, "strategy": "random"},
        },
    }
    (path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    made = Campaign(path)
    shared = [corpus.documents, warmup.warmup_qa, warmup.contrastive_embedder]
    shared += [warmup.document_yields]
    shared += [clustering.document_embeddings, clustering.clusters, clustering.cluster_geometry]
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize(shared, resources=made.resources(), instance=instance).success
        for name in settings["campaigns"]:
            assert dg.materialize(
                [target_qa], resources=made.resources(), partition_key=name, instance=instance
            ).success
    return made


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """One round of each campaign is played."""
    made = make(tmp_path_factory.mktemp("review") / "project")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EQUAL_HOME", str(made.path))
        for name in ("equal", "random"):
            assert play_round(made.player(name), 1)
        yield made


@pytest.fixture(autouse=True)
def unreviewed(campaign):
    """Nobody has said anything before a test."""
    campaign.verdicts.path.unlink(missing_ok=True)


def extracted(campaign, kind, name="equal") -> list[QAPair]:
    found = campaign.rows(
        "select question, answer from bandit_documents join extracted_qa using (content_hash) "
        f"where campaign = '{name}' and document_id like '{kind}%' order by document_id"
    )
    return [QAPair(*row) for row in found]


def test_rejecting_one_kind_lowers_its_share_in_the_next_round(campaign):
    before = campaign.shares(2)
    kind = max(KINDS, key=before.get)
    rejected = [PairVerdict(p, "rejected", "anna") for p in extracted(campaign, kind)]
    assert rejected
    campaign.verdicts.add("t", rejected)
    after = campaign.shares(2)
    assert after[kind] < before[kind]


def test_strategy_that_does_not_learn_and_other_targets_stay_as_they_are(campaign):
    before = campaign.shares(2), campaign.shares(2, "random")
    pairs = extracted(campaign, "bread", "random") + extracted(campaign, "bread")
    campaign.verdicts.add("other", [PairVerdict(p, "rejected", "anna") for p in pairs])
    assert campaign.shares(2) == before[0]
    campaign.verdicts.add("t", [PairVerdict(p, "rejected", "anna") for p in pairs])
    assert campaign.shares(2, "random") == before[1]


def test_edited_pairs_count_for_their_arm_as_accepted_ones(campaign):
    pairs = [p for kind in KINDS for p in extracted(campaign, kind)]
    shares = []
    for said in ("accepted", "edited"):
        campaign.verdicts.path.unlink(missing_ok=True)
        campaign.verdicts.add("t", [PairVerdict(p, said, "anna", edited=p) for p in pairs])
        player = campaign.player()
        plan_round(player, 2)
        shares.append(player.strategy.acceptance.tolist())
    assert shares[0] == shares[1] == [1.0, 1.0]


def test_round_that_began_is_planned_by_what_was_said_then(campaign):
    campaign.verdicts.begin_round("equal", 2)
    before = campaign.shares(2)
    kind = max(KINDS, key=before.get)
    rejected = [PairVerdict(p, "rejected", "anna") for p in extracted(campaign, kind)]
    campaign.verdicts.add("t", rejected)
    assert campaign.shares(2) == before
    campaign.verdicts.forget_rounds("equal", 2)
    assert campaign.shares(2) != before


def test_data_set_obeys_and_lineage_and_export_tell(campaign):
    campaign.make_dataset()
    untouched = campaign.rows("from qa_dataset")
    assert campaign.rows("from verdicts") == []
    accepted, rejected, edited = (extracted(campaign, kind) for kind in ("bread", "stars", "bread"))
    new = QAPair("How long is dough kneaded?", "A hundred minutes and some.")
    campaign.verdicts.add(
        "t",
        [
            PairVerdict(accepted[0], "accepted", "anna"),
            PairVerdict(rejected[0], "rejected", "ben", reason="wrong number"),
            PairVerdict(edited[1], "edited", "anna", edited=new),
        ],
    )
    assert "qa_dataset" in outdated_assets(campaign.campaigns.load(), campaign.warehouse)
    campaign.make_dataset()
    assert campaign.rows("select reason, question, answer from removed_qa") == [
        ("rejected by ben: wrong number", rejected[0].question, rejected[0].answer)
    ]
    kept = {
        (question, answer)
        for *_, question, answer in campaign.rows("select qa_id, question, answer from qa_dataset")
    }
    assert (new.question, new.answer) in kept
    assert (edited[1].question, edited[1].answer) not in kept
    assert len(kept) == len(untouched) - 1
    told = campaign.rows("select verdict, reason, reviewer, reviewed_at is not null from verdicts")
    assert sorted(told, key=str) == [
        ("accepted", None, "anna", True),
        ("edited", None, "anna", True),
        ("rejected", "wrong number", "ben", True),
    ]
    [(qa_id,)] = campaign.rows("select qa_id from verdicts where verdict = 'edited'")
    traced = trace(Path(campaign.warehouse.database), qa_id)
    assert traced["question"] == edited[1].question
    review = traced["campaigns"][0]["review"]
    assert (review["verdict"], review["reviewer"]) == ("edited", "anna")
    assert (review["new_question"], review["new_answer"]) == (new.question, new.answer)
    assert traced["campaigns"][0]["outcome"] == "in the data set"
    contents = read_contents(campaign.campaigns.load(), campaign.warehouse, "equal")
    said = dict(contents.examples.select("question", "verdict").iter_rows())
    assert said[new.question] == "edited"
    assert said[accepted[0].question] == "accepted"
    assert contents.removed.rows() == [("rejected in review", 1)]


def test_accepting_alone_changes_no_version_and_a_rejection_taken_back_neither(campaign):
    campaign.make_dataset()
    before = campaign.version()
    first = extracted(campaign, "bread")[0]
    campaign.verdicts.add("t", [PairVerdict(first, "accepted", "anna")])
    campaign.make_dataset()
    assert campaign.version() == before
    campaign.verdicts.add("t", [PairVerdict(first, "rejected", "anna")])
    campaign.make_dataset()
    assert campaign.version() != before
    campaign.verdicts.take_back("t", "anna")
    campaign.make_dataset()
    assert campaign.version() == before
    assert outdated_assets(campaign.campaigns.load(), campaign.warehouse) == {}


def test_pairs_that_score_as_what_is_rejected_leave_unless_they_are_accepted(campaign, monkeypatch):
    low = {pair(kind, n).question for kind in KINDS for n in range(N_EACH) if n % 2}
    monkeypatch.setattr(
        "equal_assets.steps.review.pair_score", lambda q, a, of: 0.05 if q in low else 0.5
    )
    pairs = [p for kind in KINDS for p in extracted(campaign, kind)]
    bad, good = ([p for p in pairs if (p.question in low) is is_low] for is_low in (True, False))
    said = [PairVerdict(p, "accepted", "anna") for p in good]
    said += [PairVerdict(p, "rejected", "anna") for p in bad[:-1]]
    campaign.verdicts.add("t", said)
    campaign.make_dataset()
    found = dict(campaign.rows("select question, reason from removed_qa"))
    assert found.pop(bad[-1].question) == LOW_SCORE
    assert set(found.values()) == {"rejected by anna"}
    campaign.verdicts.add("t", [PairVerdict(bad[-1], "accepted", "anna")])
    campaign.make_dataset()
    assert bad[-1].question not in dict(campaign.rows("select question, reason from removed_qa"))


def test_edited_pair_is_pruned_by_its_new_words(campaign):
    kept = extracted(campaign, "bread")[0]
    far = QAPair("Which king was beheaded?", "Charles the First, in Whitehall, in January 1649.")
    campaign.edit(dataset={"prune": 1, "min_examples": 0})
    campaign.verdicts.add("t", [PairVerdict(kept, "edited", "anna", edited=far)])
    campaign.make_dataset()
    assert far.question in {q for (q,) in campaign.rows("select question from removed_qa")}
    settings, made = campaign.campaigns.load(), campaign.resources()
    again = examples_after(
        campaign.warehouse, made["embedder"], settings, campaign="equal", number=1
    )
    in_dataset = {q for (q,) in campaign.rows("select question from qa_dataset")}
    assert set(again["question"]) == in_dataset
    campaign.edit(dataset={"prune": None})
