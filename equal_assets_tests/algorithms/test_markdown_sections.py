import pytest

from equal_assets.algorithms.markdown_sections import Section, split_at_headings

TEXT = """before

# Guide
## Install
unpack it
### Linux
run it
```sh
# no heading
```
## Use
call it
# Other
the end
"""


def split(text, max_characters, page=None):
    return split_at_headings([(page, text)], max_characters=max_characters)


def test_every_heading_begins_a_section_where_nothing_fits_together():
    found = split(TEXT, 40)
    assert Section(("Guide", "Install", "Linux"), "run it\n```sh\n# no heading\n```") in found
    assert Section((), "before\n\n# Guide\n\n## Install\n\nunpack it") in found
    assert split("# A\none\n# B\ntwo", 5) == [Section(("A",), "one"), Section(("B",), "two")]


def test_neighbors_keep_the_headings_that_they_do_not_share():
    assert split("# A\n## B\none\n## C\ntwo", 100) == [
        Section(("A",), "## B\n\none\n\n## C\n\ntwo"),
    ]


def test_sections_of_two_parents_are_not_joined():
    found = split("# A\n## B\n" + "one " * 20 + "\n# C\n## D\ntwo", 90)
    assert [section.path for section in found] == [("A", "B"), ("C", "D")]


@pytest.mark.parametrize("max_characters", [10, 30, 80, 1000])
def test_no_word_is_lost_and_no_text_is_too_long(max_characters):
    found = split(TEXT, max_characters)
    assert all(len(section.text) <= max_characters for section in found)
    kept = "".join("".join((*section.path, section.text)) for section in found)
    assert [word for word in TEXT.split() if word not in kept and word.strip("#")] == []


def test_long_section_is_cut_where_paragraphs_end_and_knows_its_pages():
    pages = [(1, "# A\n\nfirst\n\n"), (2, "second\n\n"), (3, "third\n\n# B\n\nlast")]
    assert split_at_headings(pages, max_characters=8) == [
        Section(("A",), "first", 1),
        Section(("A",), "second", 2),
        Section(("A",), "third", 3),
        Section(("B",), "last", 3),
    ]


def test_headings_without_text_are_kept_in_the_text():
    assert split("# A\n# B", 100) == [Section((), "# A\n\n# B")]
    assert split("# A", 100) == [Section((), "A")]
    assert split("", 100) == []


@pytest.mark.parametrize("line", ["#no space", "text # A", "    ####### seven", "#"])
def test_lines_that_are_no_heading_stay_text(line):
    assert split(f"{line}\n", 100) == [Section((), line.strip())]


def test_fence_is_closed_by_a_fence_of_its_length_alone():
    text = "````\n```\n# code\n````\n# A\nx"
    assert split(text, 30)[-1].text.endswith("# A\n\nx")
    assert "# code" in split(text, 30)[0].text


@pytest.mark.parametrize("opened", ["```never closed", "```code``` in a line", "~~~"])
def test_what_opens_no_code_hides_no_heading(opened):
    text = f"# A\n\n{opened}\n\n# B\n\nbelow"
    assert [s.path for s in split_at_headings([(None, text)], max_characters=9)][-1] == ("B",)


def test_language_after_a_fence_opens_none_within_code():
    text = "# A\n\n```\n```py\n# x\n```\n\n# B\n\nbelow"
    assert [s.path for s in split_at_headings([(None, text)], max_characters=30)] == [
        ("A",),
        ("B",),
    ]


def test_sharp_of_a_heading_is_kept():
    assert split_at_headings([(None, "# C#\n\nx\n\n## F# ##\n\ny")], max_characters=2) == [
        Section(("C#",), "x"),
        Section(("C#", "F#"), "y"),
    ]


def test_underlined_headings_within_a_long_section_are_in_the_path():
    text = f"# A\n\nB\n---\n\n{'one ' * 9}\n\n{'two ' * 9}"
    sections = split_at_headings([(None, text)], max_characters=50)
    assert [s.path for s in sections] == [("A",), ("A", "B")]
