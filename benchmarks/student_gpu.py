"""Tune and judge a Hugging Face student made on the spot; tokens per second and share of the peak.

    python benchmarks/student_gpu.py                          162M parameters, on a GPU
    python benchmarks/student_gpu.py --hidden 2048 --layers 16 --method lora
    python benchmarks/student_gpu.py --smoke                  0.4M parameters, 4 steps, anywhere

The model is a Llama with random weights, so speed and memory are real and answers are not. The
pairs are sums and differences in words. FLOPs are those of `algorithms/flops.py` (6 a parameter and
token; 4 a frozen one), so that the forward pass that gradient checkpointing repeats does not count.
Needs nothing from the network.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from equal_assets.settings import HuggingFaceStudentSettings as Settings
from equal_assets.settings import quiet_libraries

quiet_libraries()  # before the libraries are there

import torch  # noqa: E402

from equal_assets.algorithms.flops import inference_flops  # noqa: E402
from equal_assets.records import QAPair  # noqa: E402
from equal_assets.resources.students.build import build_student  # noqa: E402
from equal_assets.resources.students.huggingface import HuggingFaceStudent  # noqa: E402
from equal_assets.resources.students.student import (  # noqa: E402
    FineTuning,
    ask,
    completion,
    prompt,
)

PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0}
"""Dense bfloat16, by part of the device's name (vendor's data sheets)."""

WARM_UP_STEPS = 3
"""Steps that are not timed: allocation and the choice of kernels."""


@dataclass
class Clock:
    """Times the steps of a training from its reports of progress."""

    warm_up: int
    per_step: int
    started: float = 0.0
    seconds: float = 0.0
    n_steps: int = 0

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Note the time of a step."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        step = done // self.per_step
        if step == self.warm_up:
            self.started = time.perf_counter()
        elif step > self.warm_up:
            self.seconds, self.n_steps = time.perf_counter() - self.started, step - self.warm_up


def pairs(n_pairs: int, n_words: int) -> list[QAPair]:
    """Return pairs of the same length, so that no time goes into padding."""
    words = ["plus", "minus"]
    return [
        QAPair(
            "What is "
            + " ".join(f"{(n * 7 + i) % 10} {words[(n + i) % 2]}" for i in range(n_words)),
            "It is " + " ".join(f"{(n * 3 + i) % 10} {words[(n * i) % 2]}" for i in range(n_words)),
        )
        for n in range(n_pairs)
    ]


def make_model(folder: Path, options: argparse.Namespace) -> Path:
    """Write a Llama with random weights and its tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator([prompt(p) + completion(p) for p in pairs(64, 30)], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=options.vocabulary,
        hidden_size=options.hidden,
        intermediate_size=4 * options.hidden,
        num_hidden_layers=options.layers,
        num_attention_heads=max(1, options.hidden // 64),
        max_position_embeddings=options.context,
        bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def student_of(folder: Path, options: argparse.Namespace) -> HuggingFaceStudent:
    """Return the student whose speed is measured."""
    settings = Settings(
        kind="huggingface",
        model=str(folder),
        method=options.method,
        epochs=1,
        learning_rate=1e-4,
        batch_size=options.batch * options.accumulate,
        per_device_batch_size=options.batch,
        context_tokens=options.context,
        gradient_checkpointing=options.checkpointing,
        attention=options.attention,
        checkpoint_steps=options.steps + WARM_UP_STEPS,
    )
    return build_student(settings, "unused")


def report(name: str, n_tokens: float, seconds: float, flops: float, peak: float | None) -> None:
    """Print a line: tokens per second, FLOP/s, share of the peak."""
    share = f", {flops / seconds / 1e12 / peak:.1%} of {peak:g} TFLOP/s" if peak else ""
    print(
        f"{name}: {n_tokens / seconds:,.0f} tokens/s, {flops / seconds / 1e12:.3f} TFLOP/s{share}"
    )


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Tune, score and generate, and print how fast each was."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    known = (tflops for name, tflops in PEAK_TFLOPS.items() if name in device)
    peak = options.peak_tflops or next(known, None)
    student = student_of(make_model(folder / "base", options), options)
    base = student.base([], corpus_version="", progress=lambda done, total, note="": None)
    examples = pairs((options.steps + WARM_UP_STEPS) * student.batch_size, options.words)
    clock = Clock(WARM_UP_STEPS, student.batch_size)
    tuning: FineTuning = student.fine_tune(base, examples, out=folder / "tuned", progress=clock)
    share = clock.n_steps / (options.steps + WARM_UP_STEPS)
    print(f"{device}; torch {torch.__version__}; {options.method}; {student._attention()}")
    print(
        f"{tuning.n_parameters / 1e6:,.1f}M parameters, {tuning.n_tuned / 1e6:,.1f}M tuned; "
        f"{tuning.n_tokens / tuning.n_examples:.0f} tokens a sequence, {tuning.n_truncated} cut; "
        f"loss {tuning.losses[0]:.3f} to {tuning.losses[-1]:.3f}"
    )
    report(
        f"training, {clock.n_steps} steps of {student.batch_size} in {clock.seconds:.1f} s",
        tuning.n_tokens * share,
        clock.seconds,
        tuning.flops * share,
        peak,
    )
    if torch.cuda.is_available():
        print(f"memory: {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most")
    judge(student, tuning, examples[: options.questions], options, peak)


def judge(
    student: HuggingFaceStudent,
    tuning: FineTuning,
    asked: list[QAPair],
    options: argparse.Namespace,
    peak: float | None,
) -> None:
    """Print how fast answers are scored and written; loading the model is counted."""

    def silent(done: int, total: int, note: str = "") -> None:
        pass

    started = time.perf_counter()
    prompts, answers = [prompt(pair) for pair in asked], [completion(pair) for pair in asked]
    log_probabilities, n_scored = student.answer_log_probabilities(
        tuning.path, prompts, answers, progress=silent
    )
    seconds = time.perf_counter() - started
    n_tokens = len(asked) * tuning.n_tokens / tuning.n_examples
    flops = inference_flops(tuning.n_parameters, n_tokens)
    report(f"scoring, {len(asked)} answers in {seconds:.1f} s", n_tokens, seconds, flops, peak)
    print(f"  {-log_probabilities.sum() / n_scored.sum():.3f} nats a token of the true answers")
    started = time.perf_counter()
    written = student.generate(
        tuning.path,
        [pair.question for pair in asked],
        max_tokens=options.new_tokens,
        samples=1,
        temperature=0.0,
        seed=0,
        progress=silent,
    )
    seconds = time.perf_counter() - started
    tokenizer = student.load(tuning.path)[1]
    n_tokens = sum(len(tokenizer(text)["input_ids"]) for (text,) in written)
    flops = inference_flops(tuning.n_parameters, n_tokens)
    report(f"writing, {len(asked)} answers in {seconds:.1f} s", n_tokens, seconds, flops, peak)
    print(f"  {ask(asked[0].question)[-40:]!r} -> {written[0][0][:60]!r}")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--words", type=int, default=250, help="terms of a sum: length of a pair")
    parser.add_argument("--batch", type=int, default=16, help="sequences a device takes at once")
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--questions", type=int, default=128)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--attention", default="auto")
    parser.add_argument("--checkpointing", action="store_true", help="of gradients, for large ones")
    parser.add_argument("--peak-tflops", type=float, help="of the device, dense bfloat16")
    parser.add_argument("--smoke", action="store_true")
    small = {"hidden": 64, "layers": 2, "vocabulary": 2000, "context": 128, "words": 20}
    small |= {"batch": 4, "steps": 4, "questions": 8, "new_tokens": 16}
    options = parser.parse_args()
    if options.smoke:
        parser.set_defaults(**small)
        options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


if __name__ == "__main__":
    main()
