"""Whether a small model can tell its good pairs from its bad ones by asking itself.

    python benchmarks/self_verification.py prepare --out pairs.jsonl
    python benchmarks/self_verification.py ask --model FOLDER --pairs pairs.jsonl --out asked.jsonl
    python benchmarks/self_verification.py table asked.jsonl

`prepare` takes the pairs that two readers gave labels to (`extraction_read/`). `ask` needs torch
and transformers alone. It asks the model that extracted them: to answer each question without its
document, and with it (once greedily and some times at random, and how likely the given answer is
either way), whether the question can be understood by itself, and whether the answer is right.
`table` says how well each sign, and all together (logistic regression, documents held back), sort
good pairs before others, and what share of the kept pairs would be good.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]
HERE = Path(__file__).parent
RUNS = ("two_prompts", "chat", "full")
N_SAMPLES = 3
REPLY_TOKENS = 160
CHATS_AT_ONCE = 300
SHARES = (0.75, 0.5, 0.25)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")

CLOSED = "{question}\n\nAnswer briefly, with the steps that the answer needs."
OPEN = (
    "<document>\n{text}\n</document>\n\n{question}\n\n"
    "Answer by the document, briefly, with the steps that the answer needs."
)
CLEAR = (
    "Question: {question}\n\nSomeone who has never seen the text that this question was taken "
    "from reads it. Does it name what it is about and state everything that is needed to answer "
    "it? Reply yes or no."
)
RIGHT = (
    "<document>\n{text}\n</document>\n\nQuestion: {question}\nAnswer: {answer}\n\n"
    "Is this the right and complete answer to the question by the document? Reply yes or no."
)


# ---- the pairs -----------------------------------------------------------------------------------


def prepare(out: Path) -> None:
    """Write each read pair once: its document, both labels, and whether today's checks keep it."""
    from extraction_quality import labels_of, pair_key, read_lines

    from equal_assets.algorithms.extraction.quality import QualityBounds, judge_pairs
    from equal_assets.records import QAPair
    from equal_assets.settings import QualitySettings

    folder = HERE / "extraction_read"
    texts = {row["id"]: row["text"] for row in read_lines(HERE / "extraction_documents.jsonl")}
    first, second = (labels_of(read_lines(folder / f"{n}.jsonl")) for n in ("first", "second"))
    bounds = QualityBounds(**QualitySettings().model_dump())
    rows: dict[str, Row] = {}
    for run in RUNS:
        for row in read_lines(folder / f"{run}.jsonl"):
            for pair in row["kept"]:
                key = pair_key(row["id"], pair)
                if key not in first or key not in second:
                    continue
                text = texts[row["id"]]
                (verdict,) = judge_pairs([QAPair(pair["question"], pair["answer"])], text, bounds)
                rows[key] = {
                    "key": key,
                    "id": row["id"],
                    "text": text,
                    "question": pair["question"],
                    "answer": pair["answer"],
                    "labels": [first[key], second[key]],
                    "is_kept": verdict is None,
                }
    _write(out, rows.values())


def _write(path: Path, rows: Iterable[Row]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


# ---- the model -----------------------------------------------------------------------------------


class Asker:
    """A chat model in a folder of transformers, on the GPU if there is one."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        self.model = model.to(self.device).eval()
        self.words = [
            [self.tokenizer.encode(word, add_special_tokens=False)[0] for word in words]
            for words in (("yes", "Yes"), ("no", "No"))
        ]

    def answers(self, asked: Sequence[str], n_samples: int) -> list[list[str]]:
        """Return replies to each message: the greedy one, then some at random."""
        found = []
        for chats in _parts(asked):
            given = self._encoded([self._chat(chat) for chat in chats])
            replies = [self._written(given, do_sample=False)]
            self.torch.manual_seed(0)
            replies += [
                self._written(given, do_sample=True, temperature=0.7, top_p=0.95, top_k=0)
                for _ in range(n_samples)
            ]
            found += [list(of_one) for of_one in zip(*replies, strict=True)]
        return found

    def likelihoods(self, asked: Sequence[str], answers: Sequence[str]) -> list[float]:
        """Return the mean log-probability of the tokens of an answer to each message, in nats."""
        torch, found = self.torch, []
        texts = [(self._chat(chat), answer) for chat, answer in zip(asked, answers, strict=True)]
        for start in range(0, len(texts), 16):
            part = texts[start : start + 16]
            given = self._encoded([before + answer for before, answer in part])
            lengths = [
                max(1, len(self.tokenizer.encode(answer, add_special_tokens=False)))
                for _, answer in part
            ]
            n = max(lengths) + 1
            with torch.inference_mode():
                logits = self.model(**given, logits_to_keep=n).logits.float()
            scores = logits[:, :-1].log_softmax(-1)
            own = scores.gather(-1, given["input_ids"][:, -n + 1 :, None])[..., 0]
            found += [float(row[-length:].mean()) for row, length in zip(own, lengths, strict=True)]
        return found

    def odds(self, asked: Sequence[str]) -> list[float]:
        """Return the log-odds of "yes" against "no" as the first word of the reply."""
        torch, found = self.torch, []
        for start in range(0, len(asked), 32):
            given = self._encoded([self._chat(chat) for chat in asked[start : start + 32]])
            with torch.inference_mode():
                logits = self.model(**given, logits_to_keep=1).logits[:, -1].float()
            yes, no = (logits[:, words].logsumexp(-1) for words in self.words)
            found += (yes - no).tolist()
        return found

    def _chat(self, message: str) -> str:
        chat = [{"role": "user", "content": message}]
        return self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)

    def _encoded(self, texts: Sequence[str]) -> Any:
        given = self.tokenizer(
            list(texts), padding=True, add_special_tokens=False, return_tensors="pt"
        )
        return given.to(self.device)

    def _written(self, given: Any, **how: Any) -> list[str]:
        with self.torch.inference_mode():
            written = self.model.generate(**given, max_new_tokens=REPLY_TOKENS, **how)
        fresh = written[:, given["input_ids"].shape[1] :]
        return self.tokenizer.batch_decode(fresh, skip_special_tokens=True)


def _parts(rows: Sequence[str]) -> Iterable[Sequence[str]]:
    return (rows[start : start + CHATS_AT_ONCE] for start in range(0, len(rows), CHATS_AT_ONCE))


def ask(model: Path, pairs: Path, out: Path) -> None:
    """Write what the model says of each pair."""
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    asker = Asker(model)
    closed, opened = ([how.format(**row) for row in rows] for how in (CLOSED, OPEN))
    given = [row["answer"] for row in rows]
    said: dict[str, list] = {
        "closed_likelihood": asker.likelihoods(closed, given),
        "open_likelihood": asker.likelihoods(opened, given),
        "clear": asker.odds([CLEAR.format(**row) for row in rows]),
        "right": asker.odds([RIGHT.format(**row) for row in rows]),
        "closed": asker.answers(closed, N_SAMPLES),
        "open": asker.answers(opened, N_SAMPLES),
    }
    _write(out, [{**row, **{k: said[k][n] for k in said}} for n, row in enumerate(rows)])


# ---- tables --------------------------------------------------------------------------------------


def signs(row: Row) -> dict[str, float]:
    """Return what speaks for a pair; higher is better."""
    found = {key: row[key] for key in ("closed_likelihood", "open_likelihood", "clear", "right")}
    found["document_helps"] = row["open_likelihood"] - row["closed_likelihood"]
    for way in ("closed", "open"):
        replies = row[way]
        found[f"{way}_words"] = float(np.mean([_shared(row["answer"], one) for one in replies]))
        found[f"{way}_result"] = float(np.mean([_same_result(row["answer"], r) for r in replies]))
        found[f"{way}_self"] = float(np.mean([_shared(replies[0], one) for one in replies[1:]]))
    return found


def _shared(one: str, two: str) -> float:
    """Return the Dice coefficient of the words of two texts."""
    words = [Counter(re.findall(r"\w+", text.lower())) for text in (one, two)]
    return 2 * (words[0] & words[1]).total() / max(1, words[0].total() + words[1].total())


def _same_result(one: str, two: str) -> float:
    """Whether two texts end in the same number; where there is none, whether one has the other."""
    results = [NUMBER.findall(text.replace(",", "")) for text in (one, two)]
    if results[0]:
        return float(bool(results[1]) and float(results[0][-1]) == float(results[1][-1]))
    return float(one.strip(" .").lower() in two.lower())


def table(asked: Path) -> None:
    """Print how well the signs sort, and what share of the kept pairs is good."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    everything = [json.loads(line) for line in asked.read_text().splitlines()]
    for name, rows in (
        ("all pairs", everything),
        ("kept by the checks", [row for row in everything if row["is_kept"]]),
    ):
        good = np.array([row["labels"] == ["good", "good"] for row in rows])
        values = [signs(row) for row in rows]
        columns = {key: np.array([value[key] for value in values]) for key in values[0]}
        fit = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
        columns["all together"] = cross_val_predict(
            fit,
            np.stack(list(columns.values()), axis=1),
            good,
            groups=[row["id"] for row in rows],
            cv=GroupKFold(10),
            method="predict_proba",
        )[:, 1]
        print(f"\n{name}: {len(rows)}, good {good.mean():.2f}\n")
        kept = " | ".join(f"good of the best {share:.0%} (of all good)" for share in SHARES)
        print(f"| sign | area under the curve | {kept} |\n| --- | ---: |" + " ---: |" * len(SHARES))
        for key, column in columns.items():
            order = np.argsort(-column, kind="stable")
            cells = []
            for share in SHARES:
                best = good[order[: round(share * len(rows))]]
                cells.append(f"{best.mean():.2f} ({best.sum() / good.sum():.2f})")
            print(f"| {key} | {roc_auc_score(good, column):.3f} | {' | '.join(cells)} |")


def main() -> None:
    """Do one step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("prepare").add_argument("--out", type=Path, required=True)
    asking = steps.add_parser("ask")
    asking.add_argument("--model", type=Path, required=True)
    asking.add_argument("--pairs", type=Path, required=True)
    asking.add_argument("--out", type=Path, required=True)
    steps.add_parser("table").add_argument("asked", type=Path)
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.out)
    elif options.step == "ask":
        ask(options.model, options.pairs, options.out)
    else:
        table(options.asked)


if __name__ == "__main__":
    main()
