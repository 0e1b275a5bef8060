"""A campaign over documents that came with pairs, some of which may not be trained on."""

import json
import logging
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

from equal_assets.assets import clustering, corpus, dataset, warmup
from equal_assets.assets.checks import no_test_question_is_trained_on
from equal_assets.assets.target import target_qa
from equal_assets.automation.retry_failures import retry_failures
from equal_assets.errors import CampaignError, CorpusError
from equal_assets.export.campaign_export import export_campaign
from equal_assets.export.formats import RECORDS
from equal_assets.records import QAPair
from equal_assets.resources.targets.protected import read_protected
from equal_assets.resources.verdicts import PairVerdict, verdicts_beside
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import load_settings
from equal_assets.steps import rounds
from equal_assets.steps.pair_removal import split_pairs
from equal_assets.steps.pruning import examples_after
from equal_assets.steps.round_player import prepare_campaign
from equal_assets.steps.rounds import play_round
from equal_assets_tests.assets.campaign_folder import CampaignFolder

LOG = logging.getLogger("test")

TEST = (
    "Every day Janet's ducks lay 16 eggs. She eats three for breakfast and bakes muffins with "
    "four. She sells the rest at the market for $2 an egg. How much does she make each day?"
)
PARAPHRASE = (
    "Janet's ducks produce 16 eggs a day. Three are her breakfast, four go into muffins, and what "
    "is left she sells at $2 apiece on the market. What are her daily earnings?"
)
PROTECTED = "Which river flows through Dresden, Magdeburg and Hamburg before the sea?"
LONG = (
    "A hash table keeps its entries in buckets, and finds the bucket of a key by a hash function "
    "that spreads keys evenly; when two keys fall into one bucket, both are kept in a chain."
)
PAIRS = {
    0: ("How does a hash table work?", LONG),
    1: ("How does a hash table work?", LONG.replace("a chain", "a list")),
    2: ("What is photosynthesis?", "How plants make sugar from light."),
    3: ("what is Photosynthesis", "How plants make sugar from light!"),
    4: ("How long is the river Elbe?", "1,094 kilometers."),
    5: ("What is the length of the Elbe river?", "It is 1,094 kilometers."),
    6: ("What is 12 times 4?", "48"),
    7: ("What is 12 times 5?", "60"),
}
LEAKS = {
    8: (f"Solve this: {TEST}", "18"),
    9: (PARAPHRASE, "9 * 2 = 18 dollars."),
    10: (f"{PROTECTED} Please.", "The Elbe."),
}
N_DOCUMENTS = 11


class Campaign(CampaignFolder):
    """The folder of a project with one campaign."""

    def play(self, number: int) -> None:
        player = prepare_campaign("equal", **self.resources(), run="run", log=LOG)
        assert play_round(player, number)

    def make_dataset(self) -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                [dataset.qa_dataset],
                resources=self.resources(),
                partition_key="equal",
                instance=instance,
            )

    def page(self) -> dict:
        """Return what the page of the data set shows, made again."""
        with dg.build_asset_context(partition_key="equal") as context:
            made = self.resources()
            roles = {name: made[name] for name in ("warehouse", "campaigns", "embedder", "engine")}
            return dataset.qa_dataset(context=context, **roles).metadata

    def rows(self, query: str) -> list[tuple]:
        with self.warehouse.get_connection() as connection:
            return connection.execute(query).fetchall()


def make(path: Path, pairs: dict) -> Campaign:
    """Make a project whose documents give these pairs, up to its first round."""
    path.mkdir()
    documents = [
        {
            "id": f"d{number:02}",
            "text": f"Document {number} tells of {'egg' if number % 2 else 'leaf'}s and more.",
            "qa": [dict(zip(("question", "answer"), pairs[number], strict=True))]
            if number in pairs
            else [],
        }
        for number in range(N_DOCUMENTS)
    ]
    reference = [{"question": "What is 3 times 4?", "answer": "12"}]
    test = [{"question": "Why is the sky blue?", "answer": "x"}, {"question": TEST, "answer": "18"}]
    for name, rows in (
        ("corpus", documents),
        ("reference", reference),
        ("test", test),
        ("exam", [{"ask": "Who are you?"}, {"ask": PROTECTED}]),
    ):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (path / f"{name}.jsonl").write_text(text)
    settings = {
        "corpus": {"source": "files", "paths": ["corpus.jsonl"], "id_field": "id"}
        | {"qa_field": "qa", "min_characters": 20},
        "embedder": {"model": "all-MiniLM-L6-v2"},
        "warmup": {"method": "none", "share": 0.2},
        "clustering": {"n_clusters": 2},
        "extractor": {"backend": "replay"},
        "dataset": {"protected": ["exam.jsonl"], "protected_field": "ask", "same_meaning": 0.9},
        "targets": {"t": {"reference": "reference.jsonl", "test": "test.jsonl"}},
        "campaigns": {
            "equal": {"target": "t", "strategy": "equal", "budget_documents": N_DOCUMENTS}
            | {"documents_per_pull": 3, "arms_per_round": 2}
        },
    }
    (path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    made = Campaign(path)
    shared = [corpus.documents, warmup.warmup_qa, warmup.contrastive_embedder]
    shared += [warmup.document_yields]
    shared += [clustering.document_embeddings, clustering.clusters, clustering.cluster_geometry]
    with dg.DagsterInstance.ephemeral() as instance:
        for assets, key in ((shared, None), ([target_qa], "equal")):
            assert dg.materialize(
                assets, resources=made.resources(), partition_key=key, instance=instance
            ).success
    return made


@pytest.fixture(scope="module")
def started(tmp_path_factory) -> Campaign:
    """What comes before the first round."""
    return make(tmp_path_factory.mktemp("started") / "project", PAIRS | LEAKS)


@pytest.fixture(scope="module")
def without_leaks(started, tmp_path_factory) -> Campaign:
    """Played to its end over the same documents, but that the pairs that leak are not there."""
    made = Campaign(tmp_path_factory.mktemp("clean") / "project")
    shutil.copytree(started.path, made.path)
    with made.warehouse.get_connection() as connection:
        connection.execute("update documents set qa_pairs = '[]' where row > $1", [min(LEAKS)])
    made.play(1)
    made.play(2)
    return made


@pytest.fixture(scope="module")
def campaign(started, without_leaks) -> Campaign:
    """Played to its end, with its data set."""
    made = started
    made.play(1)
    made.play(2)
    assert made.make_dataset().success
    return made


def numbered(rows) -> dict:
    """Return rows of `question, ...` by the number of their document."""
    questions = {question: number for number, (question, _) in (PAIRS | LEAKS).items()}
    return {questions[question]: tuple(others) for question, *others in rows}


def test_leaks_are_found_in_their_round_by_every_rule(campaign):
    found = numbered(
        campaign.rows(
            "select question, reason, collided_with, similarity > 0.8 "
            "from leaked_qa join extracted_qa using (qa_id)"
        )
    )
    assert found == {
        8: ("overlaps a test question", "test:1", None),
        9: ("asks a test question in other words", "test:1", True),
        10: ("overlaps a protected question", f"{campaign.path}/exam.jsonl:2", None),
    }


def test_leaks_are_counted_and_earn_no_reward(campaign, without_leaks):
    learned = (
        "select round, pull, cluster, n_documents, n_pairs - n_leaked, arm_pairs, mean_reward, "
        "exploration_bonus, ucb_score, reward from bandit_round order by all",
        "select round, pool_pairs, pool_ot_cost, expected_gain from rounds order by all",
        "select * from strategy_state order by all",
    )
    for query in learned:
        assert campaign.rows(query) == without_leaks.rows(query)
    for played, n_leaked in ((campaign, 3), (without_leaks, 0)):
        assert played.rows("select sum(n_leaked)::int from bandit_round") == [(n_leaked,)]
        assert len(played.rows("from leaked_qa")) == n_leaked
    assert campaign.rows("select max(pool_pairs) from rounds") == [(len(PAIRS),)]


def test_no_planted_pair_comes_into_the_data_set_or_its_file(campaign):
    stored = {row[0] for row in campaign.rows("select question from qa_dataset")}
    file = pl.read_parquet(campaign.path / "exports" / "equal" / "qa_dataset.parquet")
    exported = campaign.warehouse.query("exported_examples", campaign="equal")
    assert stored == set(file["question"]) == set(exported["question"])
    assert not stored & {question for question, _ in LEAKS.values()}
    assert len(stored) == len(file) == len(exported) == 5
    assert {"What is 12 times 4?", "What is 12 times 5?"} <= stored  # other numbers: both stay
    assert no_test_question_is_trained_on(campaign.warehouse).passed


def test_no_planted_pair_comes_into_an_export(campaign, tmp_path):
    file = campaign.path / "campaigns.yaml"
    exported = export_campaign(
        load_settings(file),
        campaign.warehouse,
        "equal",
        formats=list(RECORDS),
        validation=0.4,
        out=tmp_path / "export",
        campaigns_file=file,
    )
    lines = [
        line
        for path in sorted(exported.folder.rglob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert len(lines) == len(RECORDS) * 5
    for planted, n_kept in (((8,), 0), ((9,), 0), ((10,), 0), ((0,), 1), ((2, 3), 1), ((4, 5), 1)):
        questions = [json.dumps((PAIRS | LEAKS)[number][0])[1:-1] for number in planted]
        found = [line for line in lines for question in questions if question in line]
        assert len(found) == n_kept * len(RECORDS), planted


def test_leak_of_a_document_that_was_asked_again_earns_no_reward_either(campaign, tmp_path):
    again = Campaign(tmp_path / "again")
    shutil.copytree(campaign.path, again.path)
    leaked = "select qa_id, round, reason from leaked_qa order by all"
    leaks = again.rows(leaked)
    with again.warehouse.get_connection() as connection:  # as if the server had been away
        for change in (
            "delete from extracted_qa where qa_id in (select qa_id from leaked_qa)",
            "update extractions set status = 'failed', reason = 'HTTP 503' "
            "where content_hash not in (select content_hash from extracted_qa)",
            "delete from leaked_qa",
        ):
            connection.execute(change)
    made = again.resources()
    asked = retry_failures.execute_in_process(
        resources={name: made[name] for name in ("warehouse", "campaigns", "extractor")},
        run_config={"ops": {"ask_again": {"config": {"campaigns": ["equal"]}}}},
    )
    assert asked.success
    assert again.rows(leaked) == leaks
    assert again.rows("select count(*) from extractions where reason is not null") == [(0,)]


def test_every_removed_pair_says_what_it_collided_with(campaign):
    rows = campaign.rows(
        "select removed.reason, kept.question, removed.similarity, removed.answer <> '' "
        "from removed_qa as removed left join qa_dataset as kept "
        "on kept.qa_id = removed.collided_with "
        "where removed.qa_id not in (select qa_id from leaked_qa) order by reason"
    )
    assert [row[0] for row in rows] == [
        "near-duplicate",
        "repeated pair",
        "same question in other words",
    ]
    (_, near, shared, _), (_, equal, none, _), (_, meaning, cosine, _) = rows
    assert near == PAIRS[0][0]
    assert 0.8 <= shared < 1
    assert equal in (PAIRS[2][0], PAIRS[3][0])
    assert none is None
    assert meaning in (PAIRS[4][0], PAIRS[5][0])
    assert 0.9 <= cosine < 1
    assert all(row[3] for row in rows)


def test_data_set_after_a_round_is_the_beginning_of_that_after_all(campaign):
    made = campaign.resources()
    roles = (made["warehouse"], made["embedder"], campaign.campaigns.load())
    before = examples_after(*roles, campaign="equal", number=1)
    kept = dataset.split_pairs(*roles, made["engine"], campaign="equal").kept
    first = kept.filter(round=1)
    assert set(before["question"]) == set(first["question"])
    assert 0 < len(before) < len(kept)


def test_check_finds_a_leak_that_is_trained_on(campaign, tmp_path):
    warehouse = Warehouse(database=str(tmp_path / "w.duckdb"))
    names = ("qa_id", "document_id", "source", "extractor", "question", "answer")
    example = {"campaign": "c", "license": None, **dict.fromkeys(names, "x")}
    leak = {"campaign": "c", "qa_id": "x", "round": 1, "reason": "r", "collided_with": "test:0"}
    with warehouse.transaction() as transaction:
        transaction.insert(
            "qa_dataset",
            pl.DataFrame([example | dict.fromkeys(("cluster", "round", "pull"), 1)]),
        )
        assert transaction.query("check_test_questions").is_empty()
        transaction.insert("leaked_qa", pl.DataFrame([leak]))
    assert not no_test_question_is_trained_on(warehouse).passed


def test_data_set_made_again_is_the_same_and_caps_keep_the_first(campaign):
    order = campaign.rows("select qa_id from qa_dataset order by round, pull, document_id")
    campaign.edit(dataset={"max_per_source": 2})
    try:
        assert campaign.make_dataset().success
        capped = campaign.rows("select qa_id from qa_dataset order by round, pull, document_id")
        assert capped == order[:2]
        beyond = campaign.rows(
            "select qa_id, collided_with, similarity from removed_qa "
            "where reason = 'beyond max_per_source'"
        )
        assert {row[0] for row in beyond} == {row[0] for row in order[2:]}
        assert {row[1:] for row in beyond} == {(None, None)}
    finally:
        campaign.edit(dataset={"max_per_source": None})
        assert campaign.make_dataset().success
    assert order == campaign.rows("select qa_id from qa_dataset order by round, pull, document_id")


@pytest.fixture
def reviewed(campaign):
    """What reviewers say of it is forgotten after the test."""
    yield campaign
    verdicts_beside(campaign.warehouse.database).path.unlink(missing_ok=True)
    assert campaign.make_dataset().success


REPEATED = ((0, 1), (2, 3), (4, 5))
"""Pairs that are equal in text, in words, in meaning."""


def kept_and_removed(campaign) -> list[tuple[int, int]]:
    """Return of each repeated pair which one the data set holds, and which not."""
    stored = set(campaign.rows("select question, answer from qa_dataset"))
    return [(a, b) if PAIRS[a] in stored else (b, a) for a, b in REPEATED]


def say(campaign, said: dict[int, str], **new) -> None:
    verdicts = [PairVerdict(QAPair(*PAIRS[n]), kind, "anna", **new) for n, kind in said.items()]
    verdicts_beside(campaign.warehouse.database).add("t", verdicts)


def outcomes(campaign) -> dict[int, str]:
    """Return what became of the repeated pairs: the reason, or "kept"."""
    said = {
        row[:2]: row[2]
        for row in campaign.rows(
            "select extracted_qa.question, extracted_qa.answer, coalesce(reason, 'kept') "
            "from extracted_qa left join removed_qa using (qa_id)"
        )
    }
    return {number: said[PAIRS[number]] for pair in REPEATED for number in pair}


def test_rejected_pair_does_not_bring_back_what_was_removed_as_its_repeat(reviewed):
    pairs, before = kept_and_removed(reviewed), reviewed.rows("select question from qa_dataset")
    say(reviewed, {kept: "rejected" for kept, _ in pairs})
    assert reviewed.make_dataset().success
    found = outcomes(reviewed)
    for kept, removed in pairs:
        assert found[kept] == "rejected by anna"
        assert found[removed] == "repeat of a rejected pair"
    after = reviewed.rows("select question from qa_dataset")
    assert set(after) < set(before)
    assert len(after) == len(before) - len(pairs)
    collided = reviewed.rows(
        "select distinct kept.question from removed_qa join extracted_qa as kept "
        "on kept.qa_id = collided_with where reason = 'repeat of a rejected pair'"
    )
    assert {row[0] for row in collided} == {PAIRS[kept][0] for kept, _ in pairs}


def test_edited_pair_keeps_its_place_before_what_repeats_its_original(reviewed):
    pairs, before = kept_and_removed(reviewed), reviewed.rows("select question from qa_dataset")
    for kept, _ in pairs:
        new = QAPair(f"Who was king number {kept}?", f"Charles, the one of the year {kept}.")
        say(reviewed, {kept: "edited"}, edited=new)
    assert reviewed.make_dataset().success
    found = outcomes(reviewed)
    for kept, removed in pairs:
        assert found[kept] == "kept"
        assert found[removed] == "repeat of an edited pair"
    assert len(reviewed.rows("from qa_dataset")) == len(before)


def test_edit_that_hardly_changes_a_pair_is_not_its_own_repeat(reviewed):
    kept, removed = kept_and_removed(reviewed)[0]
    new = QAPair(PAIRS[kept][0], PAIRS[kept][1].replace("evenly", "well"))
    say(reviewed, {kept: "edited"}, edited=new)
    assert reviewed.make_dataset().success
    assert (new.question, new.answer) in reviewed.rows("select question, answer from qa_dataset")
    assert outcomes(reviewed)[removed] == "repeat of an edited pair"


def test_repeat_of_a_rejected_pair_that_reviewers_accepted_stays(reviewed):
    kept, removed = kept_and_removed(reviewed)[2]
    say(reviewed, {kept: "rejected", removed: "accepted"})
    assert reviewed.make_dataset().success
    assert outcomes(reviewed)[kept] == "rejected by anna"
    assert outcomes(reviewed)[removed] == "kept"


@pytest.fixture
def pruned(campaign):
    """The data set with one pair for the only reference question, "What is 3 times 4?"."""
    campaign.edit(dataset={"prune": 1, "min_examples": 0})
    assert campaign.make_dataset().success
    yield campaign
    campaign.edit(dataset={"prune": "auto", "min_examples": 50})
    assert campaign.make_dataset().success


def test_pruning_comes_last_and_names_the_question_that_a_pair_came_nearest_to_serving(pruned):
    assert pruned.rows("select question from qa_dataset") == [("What is 12 times 4?",)]
    found = pruned.rows(
        "select question, reason, collided_with, similarity between 0 and 0.99, round is not null "
        "from removed_qa join extracted_qa using (qa_id, question, answer) "
        "join bandit_documents using (campaign, content_hash, extractor) "
        "where reason like '%nearest%'"
    )
    assert len(found) == 4
    assert {row[1:] for row in found} == {
        ("not among the nearest of any reference question", "reference:0", True, True)
    }
    others = "select count(*) from removed_qa where reason not like '%nearest%'"
    assert pruned.rows(others) == [(6,)]
    shown = pruned.warehouse.query("sample_removed", campaign="equal")
    assert "What is 3 times 4?" in shown["collided_question"].to_list()


def test_page_says_how_many_pairs_pruning_kept(pruned):
    kept = "Pruning kept 1 of 5: the 1 nearest of each reference question."
    assert kept in pruned.page()["what was kept"]
    pruned.edit(dataset={"min_examples": 2})
    kept = (
        "Pruning kept 2 of 5: the 2 nearest of each reference question, more than it would keep "
        "without min_examples = 2"
    )
    assert kept in pruned.page()["what was kept"]


def test_student_at_a_milestone_gets_what_pruning_would_have_kept_then(pruned):
    with pruned.warehouse.get_connection() as connection:  # as if the best pair came last
        connection.execute("update qa_dataset set round = 2")
    made = pruned.resources()
    roles = (made["warehouse"], made["embedder"], pruned.campaigns.load())
    nearest = pruned.rows(
        "select question from removed_qa join extracted_qa using (qa_id, question, answer) "
        "join bandit_documents using (campaign, content_hash, extractor) "
        "where reason like '%nearest%' and round = 1 order by similarity desc"
    )
    assert len(nearest) > 1
    for number, kept in ((1, [nearest[0]]), (2, [("What is 12 times 4?",)])):
        examples = examples_after(*roles, campaign="equal", number=number)
        assert examples.select("question").rows() == kept


def test_pair_without_a_vector_is_embedded_once(pruned):
    vectors = "select qa_id, embedding from qa_embeddings order by 1"
    before = pruned.rows(vectors)
    with pruned.warehouse.get_connection() as connection:  # as of a document that was asked again
        connection.execute(
            "delete from qa_embeddings where qa_id in (select qa_id from qa_dataset)"
        )
    assert len(pruned.rows(vectors)) == len(before) - 1
    assert pruned.make_dataset().success
    after = pruned.rows(vectors)
    assert [row[0] for row in after] == [row[0] for row in before]
    assert all(a[1] == pytest.approx(b[1], abs=1e-3) for a, b in zip(after, before, strict=True))
    assert pruned.rows("select question from qa_dataset") == [("What is 12 times 4?",)]


def test_what_decides_leaks_cannot_change_while_a_campaign_goes_on(campaign):
    exam = campaign.path / "exam.jsonl"
    text = exam.read_text()
    for change, undo, said in (
        ({"ngram_words": 9}, {"ngram_words": 10}, r"dataset\.ngram_words: 10 then, 9 now"),
        ({"leak_similarity": None}, {"leak_similarity": 0.8}, r"leak_similarity: 0\.8 then, None"),
    ):
        campaign.edit(dataset=change)
        with pytest.raises(CampaignError, match=said):
            prepare_campaign("equal", **campaign.resources(), run="run", log=LOG)
        campaign.edit(dataset=undo)
    exam.write_text(text + '{"ask": "And why?"}\n')
    with pytest.raises(CampaignError, match=r"settings\.protected\.files: "):
        prepare_campaign("equal", **campaign.resources(), run="run", log=LOG)
    exam.write_text(text)
    campaign.edit(dataset={"near_duplicate": 0.9, "same_meaning": None})
    prepare_campaign("equal", **campaign.resources(), run="run", log=LOG)
    campaign.edit(dataset={"near_duplicate": 0.8, "same_meaning": 0.9})


def test_row_without_the_protected_field_is_refused_with_file_line_and_its_fields(campaign):
    settings = load_settings(campaign.path / "campaigns.yaml").dataset
    with pytest.raises(CorpusError) as refused:
        read_protected(settings.model_copy(update={"protected_field": "question"}))
    first = str(refused.value).splitlines()[1]
    assert "exam.jsonl:1: question = None: must be text; the row has ask" in first


RIVERS = {
    number: (
        f"How long is the river {name}, from its source to the sea?",
        f"The river {name} is about {length} kilometers long, from its source to its mouth.",
    )
    for number, (name, length) in enumerate(
        {"Elbe": 1094, "Rhine": 1230, "Danube": 2850, "Oder": 866, "Weser": 744, "Po": 652}.items()
    )
}
FAR = {
    number: (f"What is {number} times {number + 3}, written out in words?", "A product. " * 9)
    for number in range(6, N_DOCUMENTS)
}
WANTED = 4


def wants(n_pairs: int, *, per_round: int = 2, most: int = N_DOCUMENTS) -> dict:
    """Return the section of a campaign that wants so many pairs."""
    spent = {"budget_documents": most, "budget_pairs": n_pairs}
    pulls = {"documents_per_pull": per_round, "arms_per_round": 1}
    return {"equal": {"target": "t", "strategy": "round-robin", **spent, **pulls}}


@pytest.fixture(scope="module")
def six_near(tmp_path_factory) -> Campaign:
    """Six pairs near the target and five far from it, before the first round."""
    made = make(tmp_path_factory.mktemp("wanting") / "project", RIVERS | FAR)
    asked, answer = "How long is the river Thames, from its source to the sea?", "346 kilometers."
    (made.path / "reference.jsonl").write_text(json.dumps({"question": asked, "answer": answer}))
    made.edit(
        campaigns=wants(WANTED),
        equal={"temperature": 1.0},
        dataset={"same_meaning": None, "near_duplicate": None},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        resources = made.resources()
        again = dg.materialize(
            [target_qa], resources=resources, partition_key="equal", instance=instance
        )
    assert again.success
    return made


@pytest.fixture
def wanting(six_near, tmp_path) -> Campaign:
    made = Campaign(tmp_path / "project")
    shutil.copytree(six_near.path, made.path)
    return made


def play_until_ended(made: Campaign) -> list[tuple]:
    """Play each round by a process of its own; return what the rounds came to."""
    for number in range(1, 7):
        player = prepare_campaign("equal", **made.resources(), run="run", log=LOG)
        if not play_round(player, number):
            break
    return made.rows(
        "select round, accepted_pairs, ended_by, ended_because from rounds order by round"
    )


def test_campaign_goes_on_until_it_has_so_many_accepted_pairs_and_buys_no_more(wanting):
    *before, (last, *end) = play_until_ended(wanting)
    assert end == [WANTED, "budget", f"budget_pairs = {WANTED} is reached"]
    assert all(row[2] is None for row in before)
    assert last < 6
    assert wanting.rows("select count(*) from bandit_documents") == [(2 * last,)]
    assert wanting.make_dataset().success
    assert wanting.rows("select count(*) from qa_dataset") == [(WANTED,)]


def test_process_killed_before_it_counts_lets_the_next_one_count_and_buys_nothing(
    wanting, monkeypatch
):
    count = rounds.has_enough

    def killed(player, number):
        last = player.warehouse.query("last_round", campaign="equal")["round"].item()
        if number == last == playing:  # its round is stored, and not counted
            raise KeyboardInterrupt
        return count(player, number)

    monkeypatch.setattr(rounds, "has_enough", killed)
    for playing in range(1, 7):
        player = prepare_campaign("equal", **wanting.resources(), run="run", log=LOG)
        try:
            went_on = play_round(player, playing)
        except KeyboardInterrupt:
            continue
        assert not went_on
        break
    n_rounds = playing - 1
    assert wanting.rows("select count(*) from bandit_documents") == [(2 * n_rounds,)]
    assert wanting.rows("select round, accepted_pairs from rounds where ended_by is not null") == [
        (n_rounds, WANTED)
    ]
    assert wanting.make_dataset().success
    assert wanting.rows("select count(*) from qa_dataset") == [(WANTED,)]


def test_surplus_of_the_last_round_and_what_is_far_are_removed_with_their_reasons(wanting):
    wanting.edit(campaigns=wants(WANTED, per_round=N_DOCUMENTS))
    ((_, accepted, ended_by, _),) = play_until_ended(wanting)
    assert (accepted, ended_by) == (WANTED, "budget")
    assert wanting.make_dataset().success
    reasons = dict(wanting.rows("select reason, count(*) from removed_qa group by all"))
    assert reasons == {"beyond budget_pairs": N_DOCUMENTS - WANTED}
    player = prepare_campaign("equal", **wanting.resources(), run="run", log=LOG)
    nearer = np.array([0.4], dtype=np.float32)  # than documents are, which say nothing of rivers
    kernel = replace(player.coverage.coverage.kernel, levels=nearer)
    stores = player.warehouse, player.embedder, player.settings, player.engine
    split = split_pairs(*stores, campaign="equal", kernel=kernel)
    assert Counter(split.removed["reason"]) == {
        "beyond budget_pairs": len(RIVERS) - WANTED,
        "not near the target": len(FAR),
    }
    assert set(split.kept["question"]) <= {question for question, _ in RIVERS.values()}


def test_campaign_that_runs_out_of_documents_says_how_many_pairs_it_has(wanting):
    wanting.edit(campaigns=wants(50, most=4))
    *_, (_, accepted, ended_by, because) = play_until_ended(wanting)
    assert ended_by == "budget"
    assert because == f"budget_documents = 4 is used up, with {accepted} of budget_pairs = 50"
