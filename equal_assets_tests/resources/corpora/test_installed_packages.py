import ast
import contextlib
import gc
import importlib.util
import sys
from pathlib import Path

import pytest

from equal_assets.errors import CorpusError
from equal_assets.records import Document
from equal_assets.resources.corpora import installed_packages, read_corpus
from equal_assets.resources.corpora.installed_packages import (
    Docstring,
    PythonFile,
    Release,
    find_python_files,
    read_docstrings,
)
from equal_assets.settings import InstalledPackagesSettings


def install(
    site: Path, name: str, files: dict[str, str], metadata: str = "", version: str = "1.0"
) -> None:
    """Lay out a distribution as an installer does."""
    for file, source in files.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(source, encoding="utf-8")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    header = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}\n"
    (info / "METADATA").write_text(header, encoding="utf-8")
    record = "".join(f"{file},sha256=abc,10\n" for file in [*files, f"{info.name}/METADATA"])
    (info / "RECORD").write_text(record, encoding="utf-8")


@pytest.fixture
def site(tmp_path):
    (tmp_path / "stdlib").mkdir()
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def find(site: Path, packages: list[str] | None = None) -> list[PythonFile]:
    return find_python_files(
        packages, search_path=[str(site)], standard_library=site.parent / "stdlib"
    )


def docstrings_of(tmp_path: Path, source: str | bytes) -> list[Docstring]:
    path = tmp_path / "mod.py"
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    release = Release("demo", "1.0", None)
    return read_docstrings(PythonFile(path, "mod.py", "mod", "mod", release))


# Files


def test_files_carry_module_package_and_release(site):
    install(site, "demo-kit", {"demo/__init__.py": "", "demo/core/engine.py": ""}, "License: MIT")

    files = find(site)

    assert [(f.file, f.module, f.package) for f in files] == [
        ("demo/__init__.py", "demo", "demo"),
        ("demo/core/engine.py", "demo.core.engine", "demo"),
    ]
    assert files[0].release == Release("demo-kit", "1.0", "MIT")
    assert files[0].path == site / "demo/__init__.py"


def test_single_file_modules_are_found(site):
    install(site, "six", {"six.py": ""})

    assert [f.module for f in find(site)] == ["six"]


@pytest.mark.parametrize(
    "file",
    [
        "demo/tests/support.py",
        "demo/test/support.py",
        "demo/testing/support.py",
        "demo/test_core.py",
        "demo/conftest.py",
        "demo/_vendor/other.py",
        "demo/externals/other.py",
        "demo/_vendored/other.py",
        "demo/not-a-module/other.py",
        "../../bin/activate_this.py",
        "equal_assets/settings/__init__.py",
    ],
)
def test_tests_vendored_copies_scripts_and_this_project_are_left_out(site, file):
    install(site, "demo", {"demo/kept.py": "", file: ""})

    assert [f.file for f in find(site)] == ["demo/kept.py"]


def test_standard_library_is_read_without_site_packages_and_tests(site):
    library = site.parent / "stdlib"
    for file in ("json/decoder.py", "site-packages/six.py", "test/support.py", "abc.py"):
        (library / file).parent.mkdir(parents=True, exist_ok=True)
        (library / file).write_text("")

    files = find(site)

    assert [f.file for f in files] == ["abc.py", "json/decoder.py"]
    assert files[0].release.name == "Python"
    assert files[0].release.license == "PSF-2.0"


def test_file_of_two_distributions_belongs_to_the_first_by_name(site):
    install(site, "ml-skinny", {"ml/core.py": ""})
    install(site, "ml", {"ml/core.py": ""})

    assert [f.release.name for f in find(site)] == ["ml"]


def test_order_of_distributions_is_by_name(site):
    for name in ("zeta", "Alpha", "mid"):
        install(site, name, {f"{name.lower()}.py": ""})

    assert [f.module for f in find(site)] == ["alpha", "mid", "zeta"]


def test_packages_keep_only_the_named_imports(site):
    install(site, "one", {"one.py": "", "extra/a.py": ""})
    install(site, "two", {"two.py": ""})

    assert [f.file for f in find(site, ["extra", "two"])] == ["extra/a.py", "two.py"]


def test_package_that_is_not_installed_is_an_error_with_a_suggestion(site):
    install(site, "numpy", {"numpy/__init__.py": ""})

    with pytest.raises(CorpusError, match=r"numpyy: must be installed.*did you mean numpy"):
        find(site, ["numpyy"])


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: Apache-2.0\nLicense: something else", "Apache-2.0"),
        ("License: BSD-3-Clause\nClassifier: License :: OSI Approved :: X", "BSD-3-Clause"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
        (
            "License: Copyright 2018\n  All rights\nClassifier: License :: OSI Approved :: A\n"
            "Classifier: License :: OSI Approved :: B",
            "A; B",
        ),
        ("License: Copyright 2018\n  All rights", "Copyright 2018"),
        ("Classifier: Topic :: Text", None),
    ],
)
def test_license_comes_from_expression_then_field_then_classifiers(site, metadata, expected):
    install(site, "demo", {"demo.py": ""}, metadata)

    assert find(site)[0].release.license == expected


def test_distribution_without_a_name_is_passed_over(site):
    (site / "~emo-1.0.dist-info").mkdir()

    assert find(site) == []


def test_egg_info_without_record_is_read_from_its_file_list(site):
    info = site / "old-1.0.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: old\nVersion: 1.0\n")
    (info / "SOURCES.txt").write_text("old/core.py\nREADME\n")
    (site / "old").mkdir()
    (site / "old/core.py").write_text("")

    assert [f.file for f in find(site)] == ["old/core.py"]


# Docstrings


def test_docstrings_of_modules_classes_methods_and_nested_functions(tmp_path):
    source = '''"""Module."""
import os

if os.name:
    class Shape:
        """Class."""

        def area(self):
            """Method."""

            def inner():
                "Nested function."
else:
    async def other():
        ("Function "
         "in parentheses.")
'''
    assert docstrings_of(tmp_path, source) == [
        Docstring("Module.", 1, "module", "mod"),
        Docstring("Class.", 5, "class", "Shape"),
        Docstring("Method.", 8, "method", "Shape.area"),
        Docstring("Nested function.", 11, "function", "Shape.area.<locals>.inner"),
        Docstring("Function in parentheses.", 14, "function", "other"),
    ]


def test_docstrings_lose_common_indentation(tmp_path):
    source = 'def f():\n    """First.\n\n        indented\n    level\n    """\n'

    assert docstrings_of(tmp_path, source)[0].text == "First.\n\n    indented\nlevel"


def test_encoding_declaration_is_obeyed(tmp_path):
    source = '# -*- coding: latin-1 -*-\n"""Caf\xe9."""\n'.encode("latin-1")

    assert docstrings_of(tmp_path, source)[0].text == "Caf\xe9."


@pytest.mark.parametrize(
    "source",
    [
        "class C(:\n",
        b"x = '\x00'\n",
        b'"""\xff\xfe"""\n',
        "x = " + "(" * 500 + ")" * 500,
        "# coding: no-such-codec\n",
        "print 'x'\n",
    ],
    ids=["syntax", "nul", "not utf-8", "too deep", "unknown codec", "python 2"],
)
def test_what_cannot_be_parsed_is_a_syntax_error(tmp_path, source):
    with pytest.raises(SyntaxError):
        docstrings_of(tmp_path, source)


def test_long_elif_chain_does_not_exhaust_the_stack(tmp_path):
    chain = "if x == 0:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(1, 900))
    source = chain + 'else:\n    def last():\n        """Deep."""\n'

    assert docstrings_of(tmp_path, source)[-1].text == "Deep."


TRICKY = {
    "undocumented functions before and after": (
        'def a():\n    return 1\n\ndef b():\n    """B."""\n    x = 1\n    return x\n\n\n'
        'def c():\n    return {"k": "v"}\n\nclass D:\n    """D."""\n    def e(self): return 1\n'
    ),
    "code in a docstring": '"""Doc.\n\ndef example():\n    return 1\n\nend\n"""\n',
    "documented code in a docstring": (
        'def f():\n    \'\'\'Doc.\n\n    def g():\n        """G."""\n        return 2\n\n    end\n'
        "    '''\n    return 1\n"
    ),
    "docstring with text at the margin": 'def f():\n    """Doc.\n\nmargin\n    """\n    return 1\n',
    "signature over several lines": (
        'def f(\n    a,\n    b="x: y",\n):\n    return a\n\ndef g(\n    a: "int",\n) -> "str":\n'
        '    # why\n\n    "G."\n    return a\n'
    ),
    "one-line function": 'def f(): "F."\ndef g(): return 1\n\ndef h(): """H."""; return 2\n',
    "brackets below the indentation": "def f():\n    x = [\n1,\n2,\n]\n    return x\n",
    "string in an open bracket": (
        'def f():\n    """F."""\n    g("""a""",\n        1)\n    try:\n        pass\n    finally:\n'
        "        pass\n"
    ),
    "continued docstring": 'def f():\n    """F.""" \\\n    "more"\n    return 1\n',
    "continued line": "def f():\n    x = 1 + \\\n2\n    return x\n\nclass G:\n    'G.'\n",
    "string over two lines": "x = 'a\\\ndef f():\\\n    return 1'\n\nclass G:\n    'G.'\n",
    "nested functions": (
        'def f():\n    def g():\n        """G."""\n        return 1\n    def h():\n        "H."\n'
        "    return g\n"
    ),
    "block after an undocumented method": (
        'class A:\n    def f(self):\n        return 1\n    # note\n    x: "int" = 1\n'
        'if True:\n    def g():\n        """G."""\n'
    ),
    "tabs and Windows line ends": 'class A:\r\n\tdef f(self):\r\n\t\t"""F."""\r\n\t\treturn 1\r\n',
    "form feed": 'def f():\n    return 1\n\x0c\ndef g():\n    """G."""\n',
    "prefix": 'def f():\n    r"""F\\d."""\n\ndef g():\n    f"""no docstring"""\n',
    "condition on a string": 'def f(x):\n    """F."""\n    if x == """a""":\n        return 1\n',
}


@pytest.mark.parametrize("source", TRICKY.values(), ids=TRICKY.keys())
def test_cutting_code_before_the_parser_loses_no_docstring(tmp_path, source):
    tree = ast.parse(importlib.util.decode_source(source.encode()))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, documented)]
    expected = {
        (getattr(node, "lineno", 1), text)
        for node in nodes
        if (text := ast.get_docstring(node)) is not None
    }

    assert {(d.row, d.text) for d in docstrings_of(tmp_path, source)} == expected


def test_mistake_in_code_that_is_cut_off_costs_no_docstring(tmp_path):
    source = '"""Module."""\n\ndef f():\n    """F."""\n    print "Python 2"\n'

    assert [d.text for d in docstrings_of(tmp_path, source)] == ["Module.", "F."]


def test_code_without_docstrings_never_reaches_the_parser(tmp_path, monkeypatch):
    parsed = []
    parse = installed_packages._parse
    monkeypatch.setattr(
        installed_packages, "_parse", lambda source: parsed.append(source) or parse(source)
    )

    docstrings_of(tmp_path, 'def f():\n    """F."""\n    costly = 1\n\ndef g():\n    costly = 2\n')

    assert len(parsed) == 1
    assert "costly" not in parsed[0]


@pytest.mark.parametrize("source", ["x = 1\n", "class C(:\n"])
def test_garbage_collector_is_as_it_was_afterwards(tmp_path, source):
    assert gc.isenabled()
    with contextlib.suppress(SyntaxError):
        docstrings_of(tmp_path, source)

    assert gc.isenabled()


# The environment itself


def test_installed_package_is_read_without_being_imported():
    before = set(sys.modules)
    corpus = InstalledPackagesSettings(source="installed-packages", packages=["rich"])

    documents = [item for item in read_corpus(corpus) if isinstance(item, Document)]

    assert len(documents) > 100
    assert not {name for name in set(sys.modules) - before if name.startswith("rich")}
    console = next(d for d in documents if d.metadata["qualname"] == "Console")
    assert console.source == f"rich {console.metadata['version']}"
    assert console.file == "rich/console.py"
    assert console.license == "MIT"
    assert console.text.startswith("A high level console interface")
    assert console.metadata["module"] == "rich.console"
    assert console.metadata["kind"] == "class"
    assert console.document_id == console.content_hash[:16]
    path = next(f.path for f in find_python_files(["rich"]) if f.file == console.file)
    assert path.read_text().splitlines()[console.row - 1].startswith("class Console")


def test_standard_library_package_is_read_by_name():
    corpus = InstalledPackagesSettings(source="installed-packages", packages=["json"])

    documents = [item for item in read_corpus(corpus) if isinstance(item, Document)]

    assert {d.metadata["package"] for d in documents} == {"json"}
    assert {d.license for d in documents} == {"PSF-2.0"}
    assert not any(Path(d.file).is_absolute() for d in documents)
