import pytest

from equal_assets.records import trimmed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Paris ", "Paris"),
        ("\n  Paris\n", "Paris"),
        ("\n    return 1\n", "    return 1"),
        ("\treturn 1", "\treturn 1"),
        ("  x = 1\n\n  return x\n", "  x = 1\n\n  return x"),
        ("  The answer\nis 5.", "The answer\nis 5."),
        ("    s = '''\nx\n'''\n    return s", "    s = '''\nx\n'''\n    return s"),
        (" \n", ""),
    ],
)
def test_only_the_indentation_of_code_stays(text, expected):
    assert trimmed(text) == expected
