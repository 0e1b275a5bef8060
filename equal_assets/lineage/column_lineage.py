"""From which columns each column of an asset is made, for Dagster and for people.

Tables that are no assets (extractions, pairs, students' answers) are looked through: what they hold
of a document counts as the document's.
"""

from __future__ import annotations

from functools import cache

LINEAGE: dict[str, dict[str, str]] = {
    "documents": {
        "document_id content_hash text n_characters source file row url license": "",
        "metadata qa_pairs n_copies": "",
    },
    "target_qa": {
        "campaign split position question answer weight code_prefix code_tests": "",
    },
    "warmup_qa": {
        "qa_id": "documents.content_hash",
        "document_id": "documents.document_id",
        "question answer": "documents.text documents.qa_pairs",
    },
    "contrastive_embedder": {
        "path base_model method n_dimensions seconds": "",
        "embedder_version loss_first loss_last": (
            "documents.text warmup_qa.question warmup_qa.answer"
        ),
        "n_train_pairs n_held_out_pairs": "warmup_qa.document_id",
        "recall_at_1_before recall_at_1_after recall_at_10_before recall_at_10_after": (
            "documents.text warmup_qa.question warmup_qa.answer"
        ),
        "qa_spread_before qa_spread_after": "documents.text warmup_qa.question warmup_qa.answer",
    },
    "document_embeddings": {
        "document_id": "documents.document_id",
        "embedding": "documents.text contrastive_embedder.path",
    },
    "clusters": {
        "document_id": "document_embeddings.document_id",
        "cluster distance": "document_embeddings.embedding",
    },
    "cluster_geometry": {
        "cluster n_documents": "clusters.cluster",
        "medoid_document_id": "clusters.document_id clusters.cluster document_embeddings.embedding",
        "spread": "clusters.cluster clusters.distance",
        "terms": "clusters.cluster documents.text",
        "centroid x y neighbors neighbor_distances": (
            "clusters.cluster document_embeddings.embedding"
        ),
    },
    "bandit_round": {
        "campaign round pull n_cached request_seconds n_requests n_tries": "",
        "cluster": "clusters.cluster",
        "n_documents": "documents.document_id clusters.cluster",
        "n_pairs n_failed n_rejected": "documents.text documents.qa_pairs",
        "n_leaked arm_pairs": (
            "documents.text documents.qa_pairs target_qa.question target_qa.answer"
        ),
        "mean_reward": "bandit_round.reward document_embeddings.embedding",
        "exploration_bonus": "bandit_round.arm_pairs bandit_round.n_documents",
        "ucb_score": "bandit_round.mean_reward bandit_round.exploration_bonus",
        "reward": (
            "documents.text contrastive_embedder.path target_qa.question target_qa.answer "
            "target_qa.weight"
        ),
        "prompt_tokens completion_tokens paid_prompt_tokens paid_completion_tokens": (
            "documents.text"
        ),
        "cost": "bandit_round.prompt_tokens bandit_round.completion_tokens",
        "paid_cost": "bandit_round.paid_prompt_tokens bandit_round.paid_completion_tokens",
    },
    "reward_curve": {
        "campaign": "bandit_round.campaign",
        "round": "bandit_round.round",
        "n_pulls": "bandit_round.pull",
        "mean_reward best_reward": "bandit_round.reward",
        "pool_ot_cost": (
            "documents.text contrastive_embedder.path target_qa.question target_qa.answer"
        ),
        "pool_pairs": "bandit_round.n_pairs",
        "documents": "bandit_round.n_documents",
        "tokens": "bandit_round.prompt_tokens bandit_round.completion_tokens",
        "paid_tokens": "bandit_round.paid_prompt_tokens bandit_round.paid_completion_tokens",
        "cost": "bandit_round.cost",
        "paid_cost": "bandit_round.paid_cost",
        "n_cached": "bandit_round.n_cached",
        "n_failed": "bandit_round.n_failed",
        "n_rejected": "bandit_round.n_rejected",
        "n_requests": "bandit_round.n_requests",
        "n_tries": "bandit_round.n_tries",
        "latency_seconds": "bandit_round.request_seconds bandit_round.n_tries",
        "seconds": "",
    },
    "qa_dataset": {
        "campaign": "bandit_round.campaign",
        "qa_id": "documents.content_hash",
        "question answer": "documents.text documents.qa_pairs",
        "document_id": "documents.document_id",
        "source": "documents.source",
        "license": "documents.license",
        "cluster": "bandit_round.cluster",
        "round": "bandit_round.round",
        "pull": "bandit_round.pull",
        "extractor": "",
    },
    "fine_tuned_student": {
        "campaign": "qa_dataset.campaign",
        "path loss_first loss_last n_tokens": "qa_dataset.question qa_dataset.answer",
        "base_path": "documents.text",
        "n_examples": "qa_dataset.qa_id",
        "flops": "fine_tuned_student.n_parameters fine_tuned_student.n_tokens",
        "mlflow_run_id mlflow_model_id n_parameters seconds": "",
    },
    "student_accuracy": {
        "campaign": "fine_tuned_student.campaign",
        "metric": "",
        "base base_low base_high": (
            "fine_tuned_student.base_path target_qa.question target_qa.answer target_qa.code_tests"
        ),
        "tuned tuned_low tuned_high": (
            "fine_tuned_student.path target_qa.question target_qa.answer target_qa.code_tests"
        ),
        "n_questions": "target_qa.position",
    },
    "accuracy_over_budget": {
        "campaign": "qa_dataset.campaign",
        "milestone made_as mlflow_run_id": "",
        "metric": "student_accuracy.metric",
        "round": "bandit_round.round",
        "documents": "bandit_round.n_documents",
        "n_examples": "qa_dataset.round",
        "value value_low value_high": (
            "qa_dataset.question qa_dataset.answer qa_dataset.round target_qa.question "
            "target_qa.answer"
        ),
        "training_flops": "qa_dataset.question qa_dataset.answer",
    },
    "harness_accuracy": {
        "campaign": "fine_tuned_student.campaign",
        "task metric n": "",
        "base base_stderr": "fine_tuned_student.base_path",
        "tuned tuned_stderr": "fine_tuned_student.path",
    },
    "strategy_comparison": {
        "campaign": "bandit_round.campaign",
        "strategy target shared_budget is_last": "",
        "documents": "bandit_round.n_documents",
        "n_pairs": "bandit_round.n_pairs",
        "tokens": "bandit_round.prompt_tokens bandit_round.completion_tokens",
        "seconds_per_round": "",
        "ot_cost_reference ot_cost_test ot_cost_test_nearest coverage_test near_pairs": (
            "documents.text contrastive_embedder.path target_qa.question target_qa.answer"
        ),
        "base_pmi_accuracy base_perplexity": "student_accuracy.base",
        "pmi_accuracy perplexity": "student_accuracy.tuned",
        "extraction_flops": "bandit_round.prompt_tokens bandit_round.completion_tokens",
        "embedding_flops scoring_flops": "documents.text",
        "training_flops": "fine_tuned_student.flops",
        "training_seconds": "fine_tuned_student.seconds",
        "total_flops": (
            "strategy_comparison.extraction_flops strategy_comparison.embedding_flops "
            "strategy_comparison.scoring_flops strategy_comparison.training_flops"
        ),
        "extraction_seconds embedding_seconds scoring_seconds selection_seconds": "",
        "total_seconds": (
            "strategy_comparison.extraction_seconds strategy_comparison.embedding_seconds "
            "strategy_comparison.scoring_seconds strategy_comparison.selection_seconds "
            "strategy_comparison.training_seconds"
        ),
    },
}
"""Asset -> its columns -> the columns that they are made from, as asset.column; none: new there."""


@cache
def made_from(asset: str) -> dict[str, list[tuple[str, str]]]:
    """Return each column of an asset with the asset and the name of those that it is made from."""
    return {
        column: [
            (upstream, name) for upstream, _, name in (p.partition(".") for p in parts.split())
        ]
        for columns, parts in LINEAGE[asset].items()
        for column in columns.split()
    }
