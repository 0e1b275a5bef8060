"""The asset graph, as it is seen first."""

import re

import pytest

from equal_assets.definitions import defs

pytestmark = pytest.mark.browser

METHOD = ["corpus", "warmup", "clustering", "selection", "dataset", "training", "evaluation"]


def full_names(shown: dict[str, float]) -> dict[str, float]:
    """Undo what the UI does to long names: it cuts their middle out."""
    names = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    patterns = {node: re.compile(".*".join(map(re.escape, node.split("…")))) for node in shown}
    return {
        name: shown[node]
        for name in names
        for node, pattern in patterns.items()
        if pattern.fullmatch(name)
    }


def test_groups_stand_left_to_right_as_the_method(ui):
    ui.open("/asset-groups")
    places = ui.graph()
    assert [name for name in sorted(places, key=places.get) if name in METHOD] == METHOD


def test_each_asset_stands_right_of_those_that_it_is_made_of(ui):
    ui.open("/asset-groups")
    ui.graph()
    ui.page.keyboard.press("Alt+e")  # expands the groups
    ui.page.locator("svg foreignObject").filter(has_text="bandit_round").wait_for()
    places, graph = full_names(ui.graph()), defs.resolve_asset_graph()
    assert len(places) == len(graph.get_all_asset_keys())
    for name, place in places.items():
        parents = graph.get(
            next(k for k in graph.get_all_asset_keys() if k.path == [name])
        ).parent_keys
        for parent in {key.to_user_string() for key in parents} - {name}:
            assert places[parent] < place, (parent, name)
