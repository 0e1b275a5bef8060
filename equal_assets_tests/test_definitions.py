"""What Dagster loads: the graph is the written one, loads fast, and needs no torch."""

import subprocess
import sys

import dagster as dg

from equal_assets.definitions import build_definitions
from equal_assets.graph import ASSETS
from equal_assets.lineage.columns import table_schema
from equal_assets.resources.warehouse_file import table_names

GRAPH = {
    "documents": ("corpus", set()),
    "target_qa": ("target", set()),
    "warmup_qa": ("warmup", {"documents"}),
    "contrastive_embedder": ("warmup", {"documents", "warmup_qa"}),
    "document_yields": ("warmup", {"documents", "warmup_qa"}),
    "document_embeddings": ("clustering", {"documents", "contrastive_embedder"}),
    "clusters": ("clustering", {"document_embeddings"}),
    "cluster_geometry": ("clustering", {"clusters", "document_embeddings"}),
    "bandit_round": (
        "selection",
        {
            "documents",
            "contrastive_embedder",
            "document_yields",
            "cluster_geometry",
            "target_qa",
            "bandit_round",
        },
    ),
    "reward_curve": ("selection", {"bandit_round"}),
    "qa_dataset": ("dataset", {"bandit_round", "target_qa"}),
    "fine_tuned_student": ("training", {"documents", "qa_dataset"}),
    "student_accuracy": ("evaluation", {"fine_tuned_student", "target_qa"}),
    "accuracy_over_budget": (
        "evaluation",
        {"documents", "qa_dataset", "student_accuracy", "target_qa"},
    ),
    "harness_accuracy": ("evaluation", {"fine_tuned_student"}),
    "strategy_comparison": (
        "evaluation",
        {"bandit_round", "student_accuracy", "accuracy_over_budget"},
    ),
}


def specs() -> dict[str, dg.AssetSpec]:
    return {
        spec.key.to_user_string(): spec for spec in build_definitions().resolve_all_asset_specs()
    }


def test_groups_and_edges_are_the_written_ones():
    found = {
        name: (spec.group_name, {dep.asset_key.to_user_string() for dep in spec.deps})
        for name, spec in specs().items()
    }
    assert found == GRAPH


def test_every_asset_is_a_table_with_a_description_kinds_and_an_owner():
    for name, spec in specs().items():
        assert name in table_names()
        assert spec.description.startswith("One row is"), name
        assert spec.kinds, name
        assert spec.owners, name


def test_every_asset_bears_the_schema_of_its_table():
    for name, spec in specs().items():
        assert spec.metadata["columns"] == table_schema(name)


def test_versions_follow_the_graph():
    upstream = {name: deps - {name} for name, (_, deps) in GRAPH.items()}
    assert {name: set(row.reads) for name, row in ASSETS.items()} == upstream


def test_definitions_validate():
    dg.Definitions.validate_loadable(build_definitions())


def test_definitions_load_without_torch_or_mlflow():
    code = (
        "import sys, equal_assets.definitions; "
        "print([m for m in ('torch', 'mlflow', 'sentence_transformers', 'transformers', 'vllm') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
