"""What of a text is reStructuredText, and the levels of its titles."""

import pytest

from equal_assets.algorithms.restructured import read_markup

PAGE = """\
=====
Forms
=====

.. _overview:

Overview
========

See :ref:`models <m>` and :doc:`/topics/db`.

Fields
------

Text::

    Not a title
    ~~~~~~~~~~~

Widgets
~~~~~~~

Media
-----

Back
====
"""


def titles(text):
    lines = text.split("\n")
    markup = read_markup(lines)
    return markup and {lines[number]: level for number, level in markup.levels.items()}


def test_level_of_a_title_is_the_order_in_which_its_style_appears():
    assert titles(PAGE) == {
        "Forms": 1,
        "Overview": 2,
        "Fields": 3,
        "Widgets": 4,
        "Media": 3,
        "Back": 2,
    }


def test_levels_are_those_of_docutils():
    core = pytest.importorskip("docutils.core")
    nodes = pytest.importorskip("docutils.nodes")
    settings = {"doctitle_xform": False, "report_level": 5}
    source = PAGE.replace(":ref:", ":emphasis:").replace(":doc:", ":strong:")
    found = {}
    for section in core.publish_doctree(source, settings_overrides=settings).findall(nodes.section):
        level, parent = 0, section
        while isinstance(parent, nodes.section):
            level, parent = level + 1, parent.parent
        found[section[0].astext()] = level
    assert titles(source) == found


@pytest.mark.parametrize(
    ("line", "below"),
    [
        ("long title", "==="),  # neither as long nor four
        ("- an item", "---------"),
        ("    code", "--------"),
        ("a paragraph of\ntwo lines", "---------"),
        ("text", ""),
        ("", "----"),
        ("x", "::"),
    ],
)
def test_line_that_is_no_title(line, below):
    assert titles(f".. _label:\n\n{line}\n{below}\n\nmore") == {}


@pytest.mark.parametrize("mark", list("=-`:.'\"~^_*+#<>"))
def test_any_punctuation_is_an_adornment(mark):
    assert titles(f".. note:: so\n\nTitle\n{mark * 5}\n\ntext") == {"Title": 1}


def test_wide_characters_count_as_two_columns():
    assert titles(".. _a:\n\n标题\n===\n\n文") == {}
    assert titles(".. _a:\n\n标题\n====\n\n文") == {"标题": 1}


def test_title_may_follow_a_label_or_an_indented_line():
    text = "Code::\n\n    x\nTitle\n=====\n\n.. _a:\nOther\n-----\n"
    assert titles(text) == {"Title": 1, "Other": 2}


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("Text::\n\n", "after"),
        (".. code-block:: py\n   :linenos:\n\n", "after"),
        ("- is::\n\n", "- b"),
    ],
)
def test_content_of_a_literal_block_is_literal_with_its_blank_lines(opening, closing):
    lines = f".. _label:\n\n{opening}    a\n\n    b\n\n{closing}".split("\n")
    literal = read_markup(lines).literal
    assert [lines[n].strip() for n in sorted(literal) if ":" not in lines[n]][-3:] == ["a", "", "b"]
    assert lines.index(closing) not in literal


def test_literal_block_in_an_item_ends_with_it():
    lines = [".. _label:", "", "- is::", "", "      code", "", "  more"]
    assert read_markup(lines).literal == {4}


@pytest.mark.parametrize(
    "text",
    [
        "A line.\n\n.. versionadded:: 5.2\n\nMore.",
        "Use the :setting:`DEBUG` setting.",
        ".. _label:\n\nText.",
        "=======\nThe top\n=======\n\ntext",
        "One\n~~~\n\ntext\n\nTwo\n~~~\n\ntext",
    ],
)
def test_what_only_restructuredtext_has(text):
    assert read_markup(text.split("\n")) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Plain text. It says: nothing.\n\nMore::",
        "# Markdown\n\nA `.. note::` of Sphinx, or :ref:`a`.\n\n## More\n\ntext",
        "Markdown\n========\n\nof Sphinx\n---------\n\n```rst\n.. note:: so\n```\n\ntext",
        "Code:\n\n~~~~\none\n\ntwo\n~~~~\n\n~~~ py\nx\n~~~~\n\n:ref:`a`",
        "= AsciiDoc\n\n== Part\n\nSee xref:a[].\n\n.Title\n====\nwith :ref:`a`\n====\n",
        "git-add(1)\n==========\n\nNAME\n----\n\n[verse]\n'git add'\n\nOne\n~~~\n\nTwo\n~~~\n",
        "One\n~~~\n\nsee linkgit:git-add[1]\n\nTwo\n~~~\n\n-----\ngit add\n-----\n",
        "Setext\n======\n\nPart\n----\n\ntext",
        "- a\n- b\n\n| x | y |\n| - | - |\n",
    ],
)
def test_other_formats_are_not_taken_for_it(text):
    assert read_markup(text.split("\n")) is None


def test_windows_lines_are_read_as_any():
    assert titles(PAGE.replace("\n", "\r\n")) == {
        f"{title}\r": level for title, level in titles(PAGE).items()
    }
