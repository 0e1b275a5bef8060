import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from equal_assets.algorithms.strategies.table import STRATEGIES

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "equal_assets"
SQL = REPOSITORY / "sql"
MODULES = {
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TABLES = sorted((SQL / "tables").glob("*.sql"))
QUERIES = sorted((SQL / "queries").glob("*.sql"))
VIEWS = sorted((SQL / "views").glob("*.sql"))

PACKAGES = [name for name, path in MODULES.items() if path.name == "__init__.py"]

ALLOWED: dict[str, set[str]] = {
    "records": set(),
    "secrets": set(),
    "errors": {"secrets"},
    "causes": {"errors"},
    "processes": set(),
    "progress": set(),
    "log_lines": {"partitions", "progress", "secrets"},
    "algorithms": {"records"},
    "settings": {"algorithms", "errors", "records", "secrets"},
    "partitions": {"graph", "settings"},
    "extras": set(),
    "resources": {
        "algorithms",
        "errors",
        "extras",
        "processes",
        "progress",
        "records",
        "secrets",
        "settings",
    },
    "inputs": {"resources", "settings"},
    "graph": {"inputs", "settings"},
    "versions": {"errors", "graph", "resources", "settings"},
    "runs": {"processes"},
    "planning": {
        "algorithms",
        "errors",
        "extras",
        "progress",
        "records",
        "resources",
        "settings",
        "versions",
    },
    "comparison": {"algorithms", "progress", "resources", "settings", "versions"},
    "lineage": {"errors", "graph", "resources"},
    "steps": {
        "algorithms",
        "causes",
        "errors",
        "graph",
        "partitions",
        "progress",
        "records",
        "resources",
        "secrets",
        "settings",
        "versions",
    },
    "pages": {
        "algorithms",
        "comparison",
        "errors",
        "partitions",
        "planning",
        "records",
        "resources",
        "settings",
        "versions",
    },
    "export": {
        "algorithms",
        "errors",
        "graph",
        "pages",
        "records",
        "resources",
        "settings",
        "versions",
    },
    "health": {
        "export",
        "graph",
        "pages",
        "partitions",
        "resources",
        "runs",
        "settings",
        "steps",
        "versions",
    },
    "assets": {
        "algorithms",
        "comparison",
        "errors",
        "pages",
        "partitions",
        "progress",
        "records",
        "resources",
        "runs",
        "settings",
        "steps",
        "versions",
    },
    "automation": {
        "errors",
        "graph",
        "partitions",
        "progress",
        "records",
        "resources",
        "runs",
        "secrets",
        "settings",
        "steps",
        "versions",
    },
    "definitions": {
        "assets",
        "automation",
        "graph",
        "lineage",
        "log_lines",
        "resources",
        "runs",
        "settings",
    },
    "init": {"errors", "records", "resources", "settings"},
    "library": {"algorithms", "records", "settings"},
    "review": {"algorithms", "errors", "pages", "records", "resources", "steps"},
    "cli": {
        "automation",
        "causes",
        "comparison",
        "definitions",
        "errors",
        "export",
        "extras",
        "graph",
        "health",
        "init",
        "lineage",
        "log_lines",
        "pages",
        "partitions",
        "planning",
        "progress",
        "resources",
        "review",
        "runs",
        "secrets",
        "settings",
        "versions",
    },
}
"""Folder or module of the package -> the others that it imports, all of them.

Resources may call algorithms: docs/decisions says why."""

INSIDE: dict[str, set[str]] = {
    "algorithms.clusters": set(),
    "algorithms.extraction": set(),
    "algorithms.judging": set(),
    "algorithms.strategies": {"algorithms.clusters"},
    "resources.corpora": {"resources.engine"},
    "resources.embedding": {"resources.engine"},
    "resources.engine": set(),
    "resources.extraction": {"resources.corpora", "resources.llm", "resources.students"},
    "resources.harness": {"resources.students"},
    "resources.judges": {"resources.targets"},
    "resources.llm": set(),
    "resources.students": set(),
    "resources.targets": {"resources.corpora"},
}
"""The same of the folders in `algorithms` and `resources`, among each other."""

FORBIDDEN_IN_ALGORITHMS = {"dagster", "dagster_duckdb", "duckdb", "mlflow", "vllm", "polars"}
KEYWORDS = "select from where create insert with join left full group order having limit union"
SQL_TEXT = re.compile(
    r"^\s*(select\s|with\s+\w+\s+as|insert\s+(or\s+\w+\s+)?into|delete\s+from|update\s+\w+\s+set"
    r"|create\s+(or\s+replace\s+)?(table|view))",
    re.IGNORECASE,
)


def imports(source, module="equal_assets.somewhere"):
    """Return the full names of all modules that a source imports, wherever it does."""
    package = module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - max(0, node.level - 1)]
            base = ".".join(
                [*parents, *filter(None, [node.module])] if node.level else [node.module]
            )
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def project_imports(module):
    """Return the modules of the project that one of them imports."""
    found = imports(MODULES[module].read_text(encoding="utf-8"), module)
    return {name for name in found if name in MODULES}


def in_package(package):
    return [name for name in MODULES if name.startswith(f"equal_assets.{package}.")]


def environment_uses(source):
    """Return the lines that read or write the environment."""
    names = {"environ", "environb", "getenv", "putenv", "unsetenv"}
    return {
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and names & {alias.name for alias in node.names}
        )
    }


def built_sql(source):
    """Return the lines where SQL text is put together from parts."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        parts = []
        if isinstance(node, ast.JoinedStr):
            parts = node.values[:1]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            parts = [node.left]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = [node.func.value] if node.func.attr in ("format", "format_map") else []
        texts = [part.value for part in parts if isinstance(part, ast.Constant)]
        lines += [node.lineno for text in texts if SQL_TEXT.match(str(text))]
    return lines


def is_strategy(node):
    """Whether an expression is the strategy of a campaign, such as `campaign.strategy`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "strategy"
    return getattr(node, "attr", getattr(node, "id", None)) == "strategy"


def names_strategies(*nodes):
    return any(
        isinstance(node, ast.Constant) and node.value in STRATEGIES
        for root in nodes
        for node in ast.walk(root)
    )


def strategy_decisions(source):
    """Return the lines where the strategy of a campaign is compared with or looked up by a name."""
    lines = set()
    for node in ast.walk(ast.parse(source)):
        sides, others = [], []
        if isinstance(node, ast.Compare):
            sides = others = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides, others = [node.subject], [case.pattern for case in node.cases]
        elif isinstance(node, ast.Subscript):
            sides, others = [node.slice], [node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            sides, others = [*node.args, node.func.value], [*node.args, node.func.value]
        if any(map(is_strategy, sides)) and names_strategies(*others):
            lines.add(node.lineno)
    return lines


def names_of_strategies_alone(source):
    """Return the lines with a string that is the name of a strategy and cannot be another thing."""
    return {
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and node.value in STRATEGIES and "-" in node.value
    }


def head(path):
    """Return the comment at the head of a SQL file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("-- "))
    return " ".join(line.removeprefix("-- ") for line in lines[:end])


def body(path):
    """Return a SQL file without comments and quoted text."""
    text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    return re.sub(r"'[^']*'", "''", text)


def capital_keywords(text):
    words = set(re.findall(r"\b[A-Za-z]+\b", text))
    return {word for word in words if word.lower() in KEYWORDS.split() and word != word.lower()}


def test_imports_are_found_however_they_are_written():
    source = (
        "import a.b\nfrom c import d as e\n"
        "def f():\n    from equal_assets.assets import corpus\n    from . import sibling\n"
        "    from ..records import Document\n"
    )
    found = imports(source, "equal_assets.resources.x")
    assert {"a.b", "c", "c.d", "equal_assets.assets.corpus"} <= found
    assert {"equal_assets.resources.sibling", "equal_assets.records"} <= found


def room(module):
    """Return the folder of the package that a module is in, or the module itself on top of it."""
    return [*module.split("."), ""][1]


def test_modules_of_every_layer_are_looked_at():
    for module in ("algorithms.strategies.bandit", "resources.warehouse", "steps.rounds"):
        assert f"equal_assets.{module}" in MODULES
    assert project_imports("equal_assets.algorithms.strategies.table") >= {
        "equal_assets.algorithms.strategies.bandit"
    }


def test_every_room_has_a_rule_and_rules_allow_no_circle():
    assert {room(module) for module in MODULES} - {""} == ALLOWED.keys()
    above = {name: set(allowed) for name, allowed in ALLOWED.items()}
    while free := [name for name, allowed in above.items() if not allowed & above.keys()]:
        for name in free:
            del above[name]
    assert not above


@pytest.mark.parametrize("name", ALLOWED)
def test_room_imports_what_its_rule_allows_and_nothing_is_allowed_in_vain(name):
    imported = {
        room(found)
        for module in MODULES
        if room(module) == name
        for found in project_imports(module)
    }
    assert imported - {name, ""} == ALLOWED[name]


def inner_room(module):
    """Return the folder in a folder of the package that a module is in, if it is in any."""
    parts = module.split(".")[1:3]
    name = ".".join(parts)
    return name if len(parts) == 2 and f"equal_assets.{name}" in PACKAGES else ""


@pytest.mark.parametrize("name", INSIDE)
def test_inner_room_imports_what_its_rule_allows_and_nothing_is_allowed_in_vain(name):
    imported = {
        inner_room(found)
        for module in MODULES
        if inner_room(module) == name
        for found in project_imports(module)
        if room(found) == room(module)
    }
    assert imported - {name, ""} == INSIDE[name]


def test_every_inner_room_has_a_rule():
    rooms = {inner_room(module) for module in MODULES} - {"", "pages.figures"}
    assert rooms == INSIDE.keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_folder_says_in_a_sentence_what_belongs_there(package):
    said = ast.get_docstring(ast.parse(MODULES[package].read_text(encoding="utf-8")))
    assert said
    assert said.splitlines()[0].endswith((".", "!"))


@pytest.mark.parametrize("module", in_package("algorithms"))
def test_algorithms_know_no_framework_no_file_and_no_environment(module):
    source = MODULES[module].read_text(encoding="utf-8")
    roots = {name.partition(".")[0] for name in imports(source, module)}
    assert not roots & (FORBIDDEN_IN_ALGORITHMS | {"os", "pathlib", "shutil", "subprocess"})


def test_modules_of_the_package_import_each_other_in_no_circle():
    modules = MODULES.keys() - {"equal_assets"}  # which imports `library` when it is asked for it
    waiting = {module: project_imports(module) - {module} for module in modules}
    while free := [module for module, wanted in waiting.items() if not wanted & waiting.keys()]:
        for module in free:
            del waiting[module]
    assert not waiting


def test_environment_is_left_to_settings_secrets_and_command_line():
    assert environment_uses("import os\nx = os.environ['A']") == {2}
    assert environment_uses("import os\nos.getenv('A')\nfrom os import environ\n") == {2, 3}
    users = {
        module
        for module, path in MODULES.items()
        if environment_uses(path.read_text(encoding="utf-8"))
    }
    assert "equal_assets.settings.places" in users
    assert users <= {*in_package("cli"), *in_package("settings"), "equal_assets.secrets"}


def test_settings_are_imported_from_the_package_not_from_its_modules():
    for module in MODULES.keys() - {"equal_assets.settings", *in_package("settings")}:
        assert not project_imports(module) & set(in_package("settings")), module


def test_class_has_a_name_of_its_own():
    names = Counter(
        node.name
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert len(names) > 100
    assert {name for name, count in names.items() if count > 1} == set()


def test_modules_are_named_after_what_they_do():
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    parts = {part for module in MODULES for part in module.split(".")}
    assert not parts & vague


def test_no_strategy_is_told_apart_by_its_name_outside_the_table():
    told_apart = (
        "c.strategy == 'all'\n'random' != strategy\nrow['strategy'] in ('equal', 'all')\n"
        "{'equal': 1}.get(c.strategy)\n{'equal': 1}[c.strategy]\nc.strategy.startswith('equal')\n"
        "match c.strategy:\n    case 'tsds' | 'all':\n        pass\n"
    )
    assert strategy_decisions(told_apart) == {1, 2, 3, 4, 5, 6, 7}
    other_things = "drawn_by == 'random'\ntable['strategy'] = 'kind'\nf(strategy, 1) == 'all'\n"
    assert strategy_decisions(other_things) == set()
    assert names_of_strategies_alone("x = {'llm-scoring': 1}\ny = 'random'") == {1}
    table = "equal_assets.algorithms.strategies.table"
    sources = {module: path.read_text(encoding="utf-8") for module, path in MODULES.items()}
    assert names_of_strategies_alone(sources.pop(table))
    for module, source in sources.items():
        assert not strategy_decisions(source) | names_of_strategies_alone(source), module


def test_settings_load_no_library_of_arrays():
    code = "import sys, equal_assets.settings; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "equal_assets" in loaded
    assert not {"numpy", "scipy", "ot", "sklearn", "torch", "polars", "duckdb"} & {*loaded}


def test_sql_is_put_together_in_the_warehouse_only():
    assert built_sql("t = 'a'\nf'select * from {t}'\n'delete from %s' % t") == [2, 3]
    assert built_sql("'insert into {}'.format(1)\n'Select ' + t\nf'selected {t}'") == [1, 2]
    builders = {
        module for module, path in MODULES.items() if built_sql(path.read_text(encoding="utf-8"))
    }
    assert builders == {"equal_assets.resources.warehouse"}


@pytest.mark.parametrize(
    "path", TABLES + VIEWS + QUERIES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_sql_file_is_one_statement_with_a_head_comment_and_lowercase_keywords(path):
    text = path.read_text(encoding="utf-8")
    assert re.match(r"-- (Question|Effect): \S", text)
    assert len(duckdb.extract_statements(text)) == 1
    assert re.match(r"(select|with|create|insert|update)\b", body(path).strip())
    assert not capital_keywords(body(path))
    assert not re.search(r"\{\w*\}|%s|\?", body(path))  # parameters have names


def test_capital_keywords_are_seen():
    assert capital_keywords("SELECT a\nFrom b where c") == {"SELECT", "From"}


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_table_file_creates_the_table_of_its_own_name(path):
    created = re.findall(r"create (?:or replace )?table (?:if not exists )?(\w+)", body(path))
    assert created == [path.stem]
    assert "Grain: " in head(path)


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)
def test_view_file_creates_the_view_of_its_own_name(path):
    assert re.findall(r"create or replace view (\w+)", body(path)) == [path.stem]
    assert "Grain: " in head(path)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_query_file_says_its_grain_and_its_parameters(path):
    assert "Grain: " in head(path) or "Effect: " in head(path)
    parameters = set(re.findall(r"\$\w+", body(path)))
    assert parameters <= set(re.findall(r"\$\w+", head(path)))


@pytest.mark.parametrize("path", VIEWS + QUERIES, ids=lambda path: path.stem)
def test_query_file_names_the_tables_that_it_reads(path):
    known = {table.stem for table in TABLES}
    read = set(re.findall(r"\b(?:from|join)\s+(\w+)", body(path))) & known
    assert read <= set(re.findall(r"\w+", head(path)))


def test_every_query_is_used():
    source = "".join(path.read_text(encoding="utf-8") for path in MODULES.values())
    unused = {path.stem for path in QUERIES if f'"{path.stem}"' not in source}
    assert unused == set()
