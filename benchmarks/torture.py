"""What is lost, paid twice, overspent or stuck when a project is disturbed in every way.

    python benchmarks/torture.py [--kills 100] [--seed 0] [--scenes kills stages ...]

Campaigns of a small corpus whose pairs an LLM server on loopback extracts, with faults in 15% of
its replies. One project is left alone; others are

- ``kills``: killed (``kill -9``) at random moments until so many kills are done, and run again;
- ``stages``: killed in each stage once: init, MLflow's start, warm-up, round, data set, student,
  export, report;
- ``together``: played by two, then by four processes at once;
- ``disk``: played on a disk that is full at random moments (a small tmpfs; needs Linux and leave
  to mount it in a namespace of its own);
- ``readers``: played while another process holds the warehouse open.

Each must end as the one that was left alone: the same pulls, rewards and data sets; all
that the server billed is in the journal; no reply that arrived is asked for again; no cap is
passed. Prints one line per scene and exits with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import duckdb
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from equal_assets_tests.llm_server import (  # noqa: E402
    MODEL,
    LLMServer,
    document_text,
    running,
    write_squares,
)

FAULTS = ("error", "rate", "garbage", "shape", "empty", "cut", "slow")
TOKEN_CAP = 14_000
LIMIT_SECONDS = 900.0
DISK_SPARE = 1.4
"""Size of the small disk, in projects that were left alone."""
HELD_SECONDS = 20.0

COMPARED = {
    "pulls": "select round, pull, cluster, n_documents, n_pairs, n_leaked, n_failed, mean_reward, "
    "ucb_score, arm_pairs, reward, n_rejected from bandit_round where campaign = 'documents'",
    "rewards": "select round, pool_pairs, pool_ot_cost from rounds where campaign = 'documents'",
    "documents": "select round, pull, document_id from bandit_documents "
    "where campaign = 'documents'",
    "data sets": "select * from qa_dataset where campaign = 'documents'",
    "extractions": "select distinct content_hash, extractions.status, extractions.n_pairs "
    "from extractions join bandit_documents using (content_hash) where campaign = 'documents'",
}
"""Of the campaign that counts documents; what tries cost differs from run to run.

The campaign that counts tokens comes first, and pays for tries and for what was lost: there may be
room for a document more or less, but its pulls ask for the same documents.
"""
BY_PULL = (
    "select round, pull, list(document_id order by document_id) from bandit_documents "
    "where campaign = 'tokens' group by all order by all"
)


# ---- a project -----------------------------------------------------------------------------------


@dataclass
class Played:
    """A project, its server, and what went wrong in it."""

    folder: Path
    server: LLMServer
    disturbances: int = 0
    broken: list[str] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """The folder with the stores."""
        return self.folder / ".equal"

    def start(self, *arguments: str) -> tuple[subprocess.Popen, Path]:
        """Start the command in a session of its own; return it and the file that it prints to."""
        number, printed = tempfile.mkstemp(dir=self.folder.parent, suffix=".out")
        with os.fdopen(number, "w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "equal_assets.cli.main", *arguments],
                cwd=self.folder,
                env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return process, Path(printed)

    def end(self, process: subprocess.Popen, printed: Path, *, may_fail: bool = False) -> int:
        """Wait for a command; what it should not have printed or returned is noted."""
        try:
            code = process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            kill(process, everything=True)
            self.broken.append(f"stuck for {LIMIT_SECONDS:.0f} s")
            return 1
        text = printed.read_text(errors="replace")
        if "Traceback (most recent call last)" in text:
            self.broken.append(f"traceback: {text.strip().splitlines()[-1][:120]}")
        if code and not may_fail:
            self.broken.append(f"exit {code}: {text.strip()[-200:]}")
        return code

    def run(self, *arguments: str, may_fail: bool = False) -> int:
        """Start a command, ``equal run`` without a name, and wait for it."""
        return self.end(*self.start(*(arguments or ("run",))), may_fail=may_fail)


def kill(process: subprocess.Popen, *, everything: bool) -> None:
    """Kill a command as ``kill -9`` does, or with its children, as a lost machine does."""
    with contextlib.suppress(ProcessLookupError):
        if everything:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def write_project(folder: Path, url: str, models: Path) -> None:
    """Write documents, target and campaigns of a project."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(models, folder / ".equal" / "models")
    shutil.copy(REPOSITORY / "dagster.yaml", folder)
    write_squares(folder, (document_text(n, n_pairs=n % 4) for n in range(120)))
    size = {"target": "squares", "documents_per_pull": 5, "arms_per_round": 4}
    settings = {
        "corpus": {"source": "files", "paths": ["documents.jsonl"], "min_characters": 150},
        "extractor": {
            "backend": "openai",
            "base_urls": [url],
            "model": MODEL,
            "max_tries": 8,
            "max_reply_tokens": 300,
            "timeout_seconds": 5.0,
        },
        "embedder": {"model": "static-minilm"},
        "warmup": {"share": 0.2, "epochs": 1, "batch_size": 16, "learning_rate": 0.001},
        "clustering": {"n_clusters": 8},
        "student": {
            "vocabulary": 512,
            "hidden_size": 32,
            "layers": 1,
            "heads": 2,
            "context_tokens": 64,
            "pretrain_tokens": 20_000,
            "epochs": 1,
        },
        "targets": {"squares": {"reference": "reference.jsonl", "test": "test.jsonl"}},
        "campaigns": {
            "tokens": {
                "strategy": "random",
                "budget_documents": 100,
                "budget_tokens": TOKEN_CAP,
                **size,
            },
            "documents": {"strategy": "equal", "budget_documents": 60, **size},
        },
    }
    (folder / "campaigns.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))


@contextlib.contextmanager
def project(root: Path, name: str, models: Path, *, faults: float = 0.15) -> Iterator[Played]:
    """Make a project with a server of its own."""
    folder = root / name
    folder.mkdir()
    with running(folder / "log.jsonl", faults=faults, kinds=FAULTS, latency=0.02) as server:
        write_project(folder / "project", server.url, models)
        yield Played(folder / "project", server)


# ---- what must hold ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What an undisturbed project came to, and how the others are disturbed."""

    content: dict[str, str]
    asked: list[list]
    seconds: float
    n_kills: int
    n_full: int
    held_seconds: float
    n_bytes: int


def content(played: Played) -> dict[str, str]:
    """Return a digest of each table of a project."""
    found = {}
    with duckdb.connect(str(played.state / "warehouse.duckdb"), read_only=True) as connection:
        for name, query in COMPARED.items():
            rows = connection.sql(f"{query} order by all").fetchall()
            found[name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def asked(played: Played) -> list[list]:
    """Return round, pull and documents of each pull of the campaign that counts tokens."""
    with duckdb.connect(str(played.state / "warehouse.duckdb"), read_only=True) as connection:
        return [list(row) for row in connection.sql(BY_PULL).fetchall()]


def check(played: Played, known: Known) -> None:
    """Note which promises a finished project broke."""
    for name, digest in content(played).items():
        if digest != known.content[name]:
            played.broken.append(f"{name} differ")
    for (*pull, some), (*other, others) in zip(asked(played), known.asked, strict=False):
        if pull != other or not (set(some) <= set(others) or set(others) <= set(some)):
            played.broken.append(f"documents of pull {pull} under a cap on tokens differ")
    played.broken += unpublished(played)
    played.broken += misspent(played)


def unpublished(played: Played) -> list[str]:
    """Return the data sets of the warehouse whose file is missing or other."""
    broken = []
    with duckdb.connect(str(played.state / "warehouse.duckdb"), read_only=True) as connection:
        stored = connection.sql("select campaign, count(*) from qa_dataset group by all").fetchall()
        for campaign, n_rows in stored:
            path = played.state / "exports" / campaign / "qa_dataset.parquet"
            n_file = path.exists() and len(connection.read_parquet(str(path)))
            if n_file != n_rows:
                broken.append(f"{path.name} of {campaign} has {n_file} of {n_rows} rows")
    return broken


def misspent(played: Played) -> list[str]:
    """Return how the journal disagrees with the server's bill, or passes a cap."""
    requests = played.server.requests()
    billed = sum(r["prompt_tokens"] + r["completion_tokens"] for r in requests if r["billed"])
    with contextlib.closing(sqlite3.connect(played.state / "requests.sqlite")) as journal:
        spent = "select coalesce(sum(prompt_tokens + completion_tokens), 0) from requests"
        (journaled,) = journal.execute(spent).fetchone()
        (capped,) = journal.execute(f"{spent} where payer like 'tokens|%'").fetchone()
        twice = journal.execute(
            "select count(*) from (select key from requests where outcome = 'answered' "
            "group by key having count(*) > 1)"
        ).fetchone()[0]
        (n_lost,) = journal.execute(
            "select count(*) from requests where outcome in ('lost', 'open')"
        ).fetchone()
    good = Counter(r["digest"] for r in requests if r["fault"] in (None, "slow"))
    repeated = sum(good.values()) - len(good)
    broken = []
    if billed > journaled:
        broken.append(f"billed {billed:,} tokens, journaled {journaled:,}")
    if capped > TOKEN_CAP:
        broken.append(f"{capped:,} tokens of a cap of {TOKEN_CAP:,}")
    if twice:
        broken.append(f"{twice} requests answered twice")
    if repeated > n_lost:
        broken.append(f"{repeated} good replies given twice, {n_lost} requests lost")
    return broken


# ---- the scenes ----------------------------------------------------------------------------------


def kills(root: Path, models: Path, rng: random.Random, known: Known) -> list[Played]:
    """Kill at random moments; a project that ends before is followed by another."""
    projects, n_left = [], known.n_kills
    while n_left:
        with project(root, f"kills-{len(projects)}", models) as played:
            projects.append(played)
            while n_left:
                process, printed = played.start("run")
                try:
                    process.wait(rng.uniform(0.5, known.seconds))
                except subprocess.TimeoutExpired:
                    kill(process, everything=rng.random() < 0.5)
                    played.disturbances += 1
                    n_left -= 1
                    continue
                played.end(process, printed)
                break
            played.run()
            check(played, known)
    return projects


def _says(text: str) -> Callable[[Played, Path], bool]:
    return lambda played, printed: text in printed.read_text(errors="replace")


STAGES = {
    "MLflow's start": ("run", lambda played, printed: any(played.state.glob("*mlflow.db*"))),
    "warm-up": ("run", _says("warmup_qa")),
    "round": ("run", _says("documents: rounds")),
    "data set": ("run", _says("tokens: data set and student")),
    "student": ("run", _says("documents: data set and student")),
    "comparison": ("run", _says("compare strategies")),
    "export": ("export documents", _says("")),
    "report": ("report documents", _says("")),
}
"""The command that is killed, and when its stage has begun."""


def stages(root: Path, models: Path, rng: random.Random, known: Known) -> list[Played]:
    """Kill each stage once, in one project after the other stage by stage."""
    with project(root, "stages", models) as played:
        for _ in range(2):
            init = root / "init"
            process, _ = _started_init(played, init)
            time.sleep(rng.uniform(0.3, 2.5))
            kill(process, everything=True)
            played.disturbances += 1
        process, printed = _started_init(played, init)
        played.end(process, printed, may_fail=(init / "campaigns.yaml").exists())
        if not (init / "campaigns.yaml").exists():
            played.broken.append("equal init cannot be finished")
        for command, has_begun in STAGES.values():
            process, printed = played.start(*command.split())
            if _wait(partial(has_begun, played, printed), process):
                time.sleep(rng.uniform(0, 2))
                kill(process, everything=rng.random() < 0.5)
                played.disturbances += 1
            else:
                played.end(process, printed)
            if command != "run":
                played.run(*command.split())
        played.run()
        check(played, known)
    return [played]


def _started_init(played: Played, folder: Path) -> tuple[subprocess.Popen, Path]:
    folder.mkdir(exist_ok=True)
    return Played(folder, played.server).start("init", "--demo")


def _wait(condition: Callable[[], bool], process: subprocess.Popen) -> bool:
    deadline = time.monotonic() + LIMIT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def together(root: Path, models: Path, rng: random.Random, known: Known) -> list[Played]:
    """Play a project by two and by four processes at once."""
    projects = []
    for n_processes in (2, 4):
        with project(root, f"together-{n_processes}", models) as played:
            projects.append(played)
            started = []
            for _ in range(n_processes):
                started.append(played.start("run"))
                time.sleep(rng.uniform(0, 1))
            played.disturbances = n_processes
            for process, printed in started:
                played.end(process, printed, may_fail=True)
            played.run()
            check(played, known)
    return projects


def disk(root: Path, models: Path, rng: random.Random, known: Known) -> list[Played]:
    """Play a project on a disk that is full at random moments: in a namespace of its own."""
    mounted = root / "disk"
    mounted.mkdir()
    inside = [sys.executable, __file__, "--on-disk", str(mounted), str(models), str(rng.random())]
    environment = {**os.environ, "EQUAL_TORTURE_KNOWN": json.dumps(asdict(known))}
    ended = subprocess.run(["unshare", "-rm", *inside], env=environment, capture_output=True)
    if ended.returncode:
        raise SystemExit(f"disk: {ended.stderr.decode()[-400:]}")
    told = json.loads(ended.stdout.splitlines()[-1])
    return [Played(mounted, None, told["disturbances"], told["broken"])]


def on_disk(mounted: Path, models: Path, seed: float) -> None:
    """Be the process of `disk` in its namespace; print what it found."""
    known = Known(**json.loads(os.environ["EQUAL_TORTURE_KNOWN"]))
    rng = random.Random(seed)
    mount = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={round(DISK_SPARE * known.n_bytes)}",
        "none",
        str(mounted),
    ]
    subprocess.run(mount, check=True)
    with project(mounted, "disk", models) as played:
        for _ in range(known.n_full):
            filler = mounted / "filler"
            left = shutil.disk_usage(mounted).free
            with filler.open("wb") as stream:
                stream.write(bytes(max(0, left - rng.randrange(0, 6 * 2**20))))
            if played.run(may_fail=True):
                played.disturbances += 1
            filler.unlink()
        played.run()
        check(played, known)
    print(json.dumps({"disturbances": played.disturbances, "broken": played.broken}))


HOLD = """
import sys, time, duckdb
from pathlib import Path
deadline = time.monotonic() + float(sys.argv[2])
while time.monotonic() < deadline:
    try:
        with duckdb.connect(sys.argv[1], read_only=True) as connection:
            print("held", flush=True)
            time.sleep(float(sys.argv[3]))
            break
    except duckdb.Error:
        time.sleep(0.01)
"""


def readers(root: Path, models: Path, rng: random.Random, known: Known) -> list[Played]:
    """Play a project while another process holds the warehouse open, three times."""
    with project(root, "readers", models) as played:
        process, printed = played.start("run")
        for _ in range(3):
            _wait((played.state / "warehouse.duckdb").exists, process)
            time.sleep(rng.uniform(0, 3))
            arguments = [str(played.state / "warehouse.duckdb"), "60", str(known.held_seconds)]
            held = subprocess.run([sys.executable, "-c", HOLD, *arguments], capture_output=True)
            played.disturbances += held.stdout.startswith(b"held")
        played.end(process, printed)
        if "warehouse.duckdb" not in printed.read_text().split("Where to look")[0]:
            played.broken.append("it did not say what it waited for")
        played.run()
        check(played, known)
    return [played]


SCENES = {
    "kills": kills,
    "stages": stages,
    "together": together,
    "disk": disk,
    "readers": readers,
}


def main() -> None:
    """Play the scenes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--full", type=int, default=4, help="times that the disk is full")
    parser.add_argument("--held-seconds", type=float, default=HELD_SECONDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--keep", type=Path, help="a new folder for the projects, to look at them")
    parser.add_argument("--on-disk", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.on_disk:
        on_disk(Path(options.on_disk[0]), Path(options.on_disk[1]), float(options.on_disk[2]))
        return
    with contextlib.ExitStack() as stack:
        root = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root.mkdir(exist_ok=True)
        is_sound = _play(options, root.resolve())
    sys.exit(not is_sound)


def _play(options: argparse.Namespace, root: Path) -> bool:
    from equal_assets.resources.embedding.embedder import static_model

    static_model(root / "models", progress=lambda done, total: None)
    with project(root, "undisturbed", root / "models") as alone:
        started = time.monotonic()
        if alone.run():
            raise SystemExit(alone.broken[0])
        known = Known(
            content(alone),
            asked(alone),
            seconds=time.monotonic() - started,
            n_kills=options.kills,
            n_full=options.full,
            held_seconds=options.held_seconds,
            n_bytes=sum(f.stat().st_size for f in alone.folder.rglob("*") if f.is_file()),
        )
        check(alone, known)
    print("| scene | projects | disturbances | seconds | broken promises |")
    print("| --- | ---: | ---: | ---: | --- |")
    _line("undisturbed", [alone], known.seconds)
    is_sound = not alone.broken
    for name in options.scenes:
        rng = random.Random(f"{options.seed} {name}")
        started = time.monotonic()
        projects = SCENES[name](root, root / "models", rng, known)
        _line(name, projects, time.monotonic() - started)
        is_sound &= not any(played.broken for played in projects)
    return is_sound


def _line(name: str, projects: list[Played], seconds: float) -> None:
    broken = "; ".join(text for played in projects for text in played.broken) or "none"
    n = sum(played.disturbances for played in projects)
    print(f"| {name} | {len(projects)} | {n} | {seconds:.0f} | {broken} |", flush=True)


if __name__ == "__main__":
    main()
