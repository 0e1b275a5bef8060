"""The pictures in docs/ of pages that only show something."""

import os
import re

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("EQUAL_SCREENSHOTS" not in os.environ, reason="nobody asks for pictures"),
]

METADATA = {
    "cluster_map": ("reward_curve", "map, curves and tables"),
    "strategy_comparison": ("strategy_comparison", "curves"),
}


HAS_GREEN_NODE = """() => [...document.querySelectorAll("svg foreignObject div")].some(node => {
    const [red, green] = getComputedStyle(node).backgroundColor.match(/\\d+/g).map(Number)
    return green > red + 10
})"""


def test_picture_of_the_graph(gallery, pictures):
    gallery.open("/asset-groups")
    gallery.page.get_by_text("Hide navigation").click()
    gallery.graph()
    gallery.page.keyboard.press("Alt+e")  # expands the groups
    gallery.page.wait_for_function(HAS_GREEN_NODE)  # what is there is known last
    pictures.take("asset_graph", gallery.page)


def test_picture_of_the_catalog(gallery, pictures):
    gallery.open("/assets")
    gallery.page.get_by_text(re.compile("^Materialized")).first.wait_for()
    pictures.take("catalog", gallery.page)


def test_picture_of_a_round(gallery, pictures):
    gallery.open_partitions("bandit_round", "equal", "round-003")
    gallery.metadata("this round").wait_for()
    pictures.take("round", gallery.page)


@pytest.mark.parametrize("name", METADATA)
def test_picture_of_metadata(gallery, pictures, name):
    asset, key = METADATA[name]
    gallery.open(f"/assets/{asset}")
    image = gallery.show_metadata(key).locator("img").first
    image.scroll_into_view_if_needed()
    pictures.take(name, gallery.page, image)
