"""What figures draw is what the rows hold."""

import base64
import io

import polars as pl
import pytest
from PIL import Image

from equal_assets.pages.figures.canvas import drawn, subplots, svg_uri
from equal_assets.pages.figures.clusters import (
    LARGEST_DOT,
    campaign_map_figure,
    cluster_map_figure,
    pulls_figure,
)
from equal_assets.pages.figures.curves import spend_figure
from equal_assets.pages.figures.fonts import drawable
from equal_assets.pages.figures.students import accuracy_figure, comparison_figure

CLUSTERS = pl.DataFrame(
    {
        "cluster": [0, 1, 2],
        "terms": [["graph", "node", "edge"], ["matrix"], []],
        "n_documents": [40, 10, 20],
        "documents": [15, 5, 0],
        "pulls": [3, 1, 0],
        "pairs": [9, 2, 0],
        "reward": [-0.2, -0.5, None],
        "x": [0.0, 1.0, 2.0],
        "y": [1.0, 0.0, -1.0],
    }
)


def decoded(uri, media_type):
    head, _, content = uri.partition(",")
    assert head == f"data:{media_type};base64"
    return base64.b64decode(content)


def written(axis):
    return {text.get_text() for text in axis.texts}


def test_map_has_a_dot_a_cluster_as_large_as_its_documents():
    axis = cluster_map_figure(CLUSTERS).axes[0]
    (dots,) = axis.collections
    assert dots.get_offsets().tolist() == [[0, 1], [1, 0], [2, -1]]
    assert dots.get_sizes().tolist() == [LARGEST_DOT, LARGEST_DOT / 4, LARGEST_DOT / 2]
    assert "graph node" in written(axis)


def test_map_of_a_campaign_shows_rewards_what_gave_nothing_and_the_target():
    reference = pl.DataFrame({"x": [0.5, 0.6], "y": [0.1, 0.2]})
    barren = CLUSTERS.head(1).with_columns(
        cluster=pl.lit(3), x=pl.lit(5.0), y=pl.lit(6.0), pairs=pl.lit(0), reward=pl.lit(-1.0)
    )
    clusters = pl.concat([CLUSTERS, barren], how="vertical_relaxed")
    axis = campaign_map_figure(clusters, reference, "demo").axes[0]
    idle, empty, pulled, target = axis.collections
    assert idle.get_offsets().tolist() == [[2, -1]]
    assert empty.get_offsets().tolist() == [[5, 6]]
    assert pulled.get_offsets().tolist() == [[0, 1], [1, 0]]
    assert pulled.get_array().tolist() == [-0.2, -0.5]
    assert target.get_offsets().tolist() == [[0.5, 0.1], [0.6, 0.2]]


def test_pulls_are_those_of_clusters_that_were_pulled_most_on_top():
    (axis,) = pulls_figure(CLUSTERS).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "1: matrix",
        "0: graph node edge",
    ]
    assert [bar.get_width() for bar in axis.patches] == [5, 15]
    assert written(axis) == {"1 pulls", "3 pulls"}


@pytest.mark.parametrize(("tokens", "n_panels"), [([0, 0], 1), ([100, 250], 2)])
def test_spend_shows_tokens_where_an_llm_took_some(tokens, n_panels):
    curve = pl.DataFrame(
        {"documents": [10, 20], "pool_pairs": [4, 9], "tokens": tokens, "paid_tokens": tokens}
    )
    axes = spend_figure(curve).axes
    assert len(axes) == n_panels
    assert axes[0].lines[0].get_ydata().tolist() == [4, 9]


def test_accuracy_has_a_panel_a_metric_with_intervals():
    rows = pl.DataFrame(
        [
            {
                "metric": metric,
                **{"base": 0.2, "base_low": 0.1, "base_high": 0.4},
                **{"tuned": 0.5, "tuned_low": 0.3, "tuned_high": 0.6},
            }
            for metric in ("perplexity", "pmi_accuracy")
        ]
    )
    axes = accuracy_figure(rows).axes
    assert [axis.get_title() for axis in axes] == [
        "perplexity of true answers\nlower is better",
        "PMI accuracy\nhigher is better",
    ]
    base, tuned = axes[0].containers
    assert base.lines[2][0].get_segments()[0][:, 1] == pytest.approx([0.1, 0.4])
    assert tuned.lines[0].get_ydata().tolist() == [0.5]


def test_words_on_a_map_do_not_cover_each_other():
    crowded = pl.concat([CLUSTERS.head(1)] * 6).with_columns(
        cluster=pl.int_range(6),
        x=pl.Series([0.0, 0.01, 0.02, 0.5, 0.9, 1.0]),
        y=pl.Series([0.0, 0.01, 0.0, 0.5, 0.9, 1.0]),
    )
    figure = cluster_map_figure(crowded)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert 4 <= len(boxes) < 6
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def comparison(campaign):
    values = {"ot_cost_test": 0.3, "coverage_test": 0.5, "near_pairs": 4}
    return {"target": "t", "campaign": campaign, "documents": 10, "shared_budget": 10, **values}


@pytest.mark.parametrize("metrics", [["perplexity"], ["perplexity", "pmi_accuracy", "math"]])
def test_empty_panel_holds_the_names_of_the_campaigns(metrics):
    rows = pl.DataFrame([comparison("a"), comparison("b")])
    students = pl.DataFrame(
        [
            {"campaign": name, "metric": metric, "documents": 10, "value": 2.0}
            | {"value_low": 1.0, "value_high": 3.0}
            for name in "ab"
            for metric in metrics
        ]
    )
    axes = comparison_figure(rows, students).axes
    legends = [number for number, axis in enumerate(axes) if axis.get_legend()]
    assert legends == ([4] if len(metrics) == 1 else [0])
    assert [text.get_text() for text in axes[legends[0]].get_legend().get_texts()] == ["a", "b"]
    assert all("is better" in axis.get_title() for axis in axes if axis.axison)


def test_pictures_carry_their_bytes_and_are_the_same_each_time():
    def figure():
        made, (axis,) = subplots(1, 1)
        axis.plot([1, 2, 3], [1, 4, 9])
        return made

    png = drawn(figure()).uri
    assert png == drawn(figure()).uri
    assert Image.open(io.BytesIO(decoded(png, "image/png"))).size == (368, 256)
    assert len(png) < 15_000
    svg = svg_uri(figure())
    assert svg == svg_uri(figure())
    assert b"<svg" in decoded(svg, "image/svg+xml")


def test_word_without_glyphs_is_left_out_without_a_warning(recwarn):
    missing = "\U0001b170\U0001b171"  # Nüshu
    assert drawable([missing, "graph", "граф", "نهر"]) == "graph граф نهر"
    odd = CLUSTERS.with_columns(terms=pl.Series([[missing, "graph"], ["матрица"], [missing]]))
    for figure in (cluster_map_figure(odd), pulls_figure(odd)):
        drawn(figure)
    assert [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)] == []
