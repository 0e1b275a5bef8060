"""How `equal trace` shows the chain of a QA pair: a tree for people."""

from __future__ import annotations

import hashlib
from typing import Any

from rich.text import Text
from rich.tree import Tree

from equal_assets.pages.values import change, number

Row = dict[str, Any]

SHOWN_CHARACTERS = 400
"""Of question, answer and settings; `--json` has all of it."""


def trace_tree(traced: Row) -> Tree:
    """Return a tree of what :func:`equal_assets.lineage.trace.trace` found."""
    tree = Tree(_line("QA pair", traced["qa_id"]))
    tree.add(_line("question", _short(traced["question"])))
    tree.add(_line("answer", _short(traced["answer"])))
    _add_document(tree, traced["document"])
    _add_extraction(tree, traced["extraction"])
    if traced["is_in_warmup"]:
        tree.add(_line("warm-up", "one of the pairs that tuned the embedder"))
    if not traced["campaigns"]:
        tree.add(_line("campaigns", "none used its document"))
    for campaign in traced["campaigns"]:
        _add_campaign(tree, campaign)
    return tree


def _add_document(tree: Tree, document: Row) -> None:
    if document["document_id"] is None:
        tree.add(
            _line("document", f"not in the corpus any more; SHA-256 {document['content_hash']}")
        )
        return
    branch = tree.add(
        _line("document", _joined(document["title"] or document["name"], document["document_id"]))
    )
    if document["page"]:
        branch.add(_line("chunk", f"{document['chunk']:,} of page {document['page']}"))
    branch.add(_line("source", _joined(document["source"], document["license"] or "no license")))
    branch.add(_line("read from", f"{document['file']}, row {document['row']:,}"))
    if document["url"]:
        branch.add(_line("url", document["url"]))
    copies = document["n_copies"]
    branch.add(_line("in the corpus", "once" if copies == 1 else f"{copies:,} times"))


def _add_extraction(tree: Tree, extraction: Row) -> None:
    fingerprint = f"fingerprint {extraction['extractor']}"
    by = _joined(extraction["backend"], extraction["model"], fingerprint)
    branch = tree.add(_line("extraction", by))
    settings = dict(extraction["settings"])
    prompts = settings.pop("prompts", {})
    if settings:
        said = ", ".join(f"{name}: {value}" for name, value in settings.items())
        branch.add(_line("settings", _short(said)))
    for kind, text in prompts.items():
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        branch.add(_line(f"prompt {kind}", f"SHA-256 {digest}, {len(text):,} characters"))
    tokens = f"{extraction['prompt_tokens']:,} + {extraction['completion_tokens']:,} tokens"
    n_pairs = extraction["document_pairs"]
    of_document = "of its document" if n_pairs == 1 else f"of its document, for {n_pairs} pairs"
    branch.add(_line("took", f"{tokens} {of_document}; cost {extraction['cost']:.6g}"))
    paid = extraction["paid_prompt_tokens"] + extraction["paid_completion_tokens"]
    branch.add(_line("paid by", f"{extraction['first_asked_by']}: {paid:,} tokens"))
    tries = f"{extraction['n_requests']} requests in {extraction['n_tries']} tries"
    branch.add(_line("when", _joined(extraction["extracted_at"], tries)))


def _add_campaign(tree: Tree, found: Row) -> None:
    branch = tree.add(_line("campaign", found["campaign"]))
    branch.add(_line("strategy", f"{found['strategy']}, for {found['target']}"))
    cluster, pull = found["cluster"], found["pull"]
    size = "not there any more"
    if cluster["cluster_documents"] is not None:
        size = f"{cluster['cluster_documents']:,} documents, medoid {cluster['medoid_document_id']}"
    distance = cluster["distance"]
    away = None if distance is None else f"{distance:.3f} from its center"
    branch.add(_line("cluster", _joined(str(cluster["cluster"]), size, away)))
    when = f"round {pull['round']}, pull {pull['pull']}"
    chosen = branch.add(_line("used in", _joined(when, pull["finished_at"])))
    if pull["ucb_score"] is not None:
        parts = f"mean reward {number(pull['mean_reward'], '.4g')}"
        parts += f", exploration bonus {number(pull['exploration_bonus'], '.4g')}"
        chosen.add(_line("score", f"{pull['ucb_score']:.4g}: {parts}"))
    chosen.add(_line("reward", f"{number(pull['reward'], '.4g')} after the pull"))
    _add_review(branch, found["review"])
    _add_outcome(branch, found)
    for student in found["students"]:
        _add_student(branch, student)


def _add_review(branch: Tree, review: Row | None) -> None:
    if review is None:
        return
    said = f"{review['verdict']} by {review['reviewer']}, {review['reviewed_at']}"
    verdict = branch.add(_line("review", said))
    if review["rejected_because"]:
        verdict.add(_line("reason", _short(review["rejected_because"])))
    if review["new_question"] is not None:
        verdict.add(_line("new question", _short(review["new_question"])))
        verdict.add(_line("new answer", _short(review["new_answer"])))


def _add_outcome(branch: Tree, found: Row) -> None:
    outcome = branch.add(_line("outcome", _joined(found["outcome"], found["removed_because"])))
    if found["collided_with"]:
        near = found["similarity"]
        similarity = None if near is None else f"similarity {near:.3f}"
        is_pruned = found["collided_with"].startswith("reference:")
        label = "comes nearest to" if is_pruned else "collided with"
        outcome.add(_line(label, _joined(found["collided_with"], similarity)))
        if found["collided_question"]:
            outcome.add(_line("which asks", _short(found["collided_question"])))


def _add_student(branch: Tree, student: Row) -> None:
    is_end = student["student"] == "end"
    name = "of the data set" if is_end else f"at milestone {student['student']}"
    examples = f"{student['n_examples']:,} examples"
    run = f"MLflow run {student['mlflow_run_id']}"
    trained = branch.add(_line("student", _joined(name, examples, run)))
    for metric, values in student["metrics"].items():
        trained.add(_line(metric, change(values["base"], values["tuned"], form=".4g")))


def _line(label: str, said: Any) -> Text:
    return Text.assemble((label, "bold"), "  ", str(said))


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} …"
