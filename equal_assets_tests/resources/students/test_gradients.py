"""Gradients of a micro model: exact where nothing is projected away, near enough where it is."""

import math

import numpy as np
import pytest
import torch

from equal_assets.algorithms.model_scores import influence_scores, target_gradient
from equal_assets.records import QAPair
from equal_assets.resources.students import gradients as module
from equal_assets.resources.students.causal_lm import load
from equal_assets.resources.students.gradients import CountSketch, answer_gradients
from equal_assets.resources.students.head import Head
from equal_assets.resources.students.student import completion, prompt
from equal_assets_tests.micro_student import PAIRS, silent

DIMENSIONS = 4096
CPU = torch.device("cpu")


def texts(pairs):
    return [prompt(pair) for pair in pairs], [completion(pair) for pair in pairs]


def projected(student, path, pairs, *, dimensions=DIMENSIONS, seed=0):
    return student.answer_gradients(
        path, *texts(pairs), dimensions=dimensions, seed=seed, progress=silent
    )


@pytest.fixture(scope="module")
def exact(base):
    """Return the whole gradient of each of a few pairs, from a forward pass of each alone."""
    model, tokenizer = load(base)
    rows = []
    for pair in PAIRS[:12]:
        answer = tokenizer(completion(pair), add_special_tokens=False)["input_ids"]
        ids = torch.tensor([tokenizer(prompt(pair))["input_ids"] + answer])
        labels = ids.clone()
        labels[0, : -len(answer)] = -100
        model.zero_grad()
        model.eval()(input_ids=ids, labels=labels).loss.backward()
        rows.append(torch.cat([p.grad.reshape(-1) for p in model.parameters()]).numpy())
    return np.array(rows, dtype=np.float64)


def test_sketch_adds_each_number_with_its_sign_to_one_sum():
    sketch = CountSketch([3, 4], dimensions=5, seed=1, device=CPU)
    columns = np.array(
        [sketch.project([torch.eye(7)[i, :3], torch.eye(7)[i, 3:]]).numpy() for i in range(7)]
    )
    np.testing.assert_array_equal(np.abs(columns).sum(axis=1), np.ones(7))
    vector = torch.arange(1.0, 8.0)
    np.testing.assert_allclose(
        sketch.project([vector[:3], vector[3:]]), vector.numpy() @ columns, rtol=1e-6
    )


def test_sketch_is_the_same_in_blocks_of_any_size(monkeypatch):
    vector = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    sketch = CountSketch([600, 400], dimensions=64, seed=0, device=CPU)
    whole = sketch.project([vector[:600], vector[600:]])
    monkeypatch.setattr(module, "BLOCK_PARAMETERS", 7)
    torch.testing.assert_close(sketch.project([vector[:600], vector[600:]]), whole)


def test_sketch_keeps_inner_products_without_bias_and_within_the_stated_variance():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=300), rng.normal(size=300)
    y += 0.5 * x
    products = []
    for seed in range(400):
        sketch = CountSketch([300], dimensions=50, seed=seed, device=CPU)
        products.append(
            float(sketch.project([torch.tensor(x)]) @ sketch.project([torch.tensor(y)]))
        )
    bound = math.sqrt(((x @ x) * (y @ y) + (x @ y) ** 2) / 50)
    assert np.mean(products) == pytest.approx(x @ y, abs=4 * bound / math.sqrt(400))
    assert np.std(products) < 1.15 * bound


def test_projected_gradients_keep_the_cosines_of_the_exact_ones(student, base, exact):
    found = projected(student, base, PAIRS[:12]).astype(np.float64)
    lengths = np.linalg.norm(found, axis=1) / np.linalg.norm(exact, axis=1)
    cosines, true = (
        (rows / np.linalg.norm(rows, axis=1, keepdims=True)) for rows in (found, exact)
    )
    errors = (cosines @ cosines.T - true @ true.T)[np.triu_indices(12, 1)]
    expected = math.sqrt(2 / DIMENSIONS)  # of two vectors that point the same way
    assert np.abs(lengths - 1).max() < 4 * expected
    assert np.sqrt((errors**2).mean()) < 1.5 * expected
    assert np.abs(errors).max() < 5 * expected


def test_gradients_do_not_depend_on_company(student, base):
    together = projected(student, base, PAIRS[:5])
    alone = np.concatenate([projected(student, base, [pair]) for pair in PAIRS[:5]])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_gradients_are_those_of_the_parameters_that_require_one(base):
    model, tokenizer = load(base)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "norm" in name
    n_left = sum(p.numel() for p in model.parameters() if p.requires_grad)
    rows = answer_gradients(
        model,
        tokenizer,
        *texts(PAIRS[:2]),
        context_tokens=64,
        dimensions=DIMENSIONS,
        seed=0,
        progress=silent,
    )
    assert 0 < np.count_nonzero(rows[0]) <= n_left < DIMENSIONS


def test_pair_like_the_reference_has_more_influence_than_an_unrelated_one(student, base):
    gradients = projected(student, base, PAIRS[:40])
    target = target_gradient(gradients, np.full(40, 1 / 40))
    unrelated = [
        QAPair("What is seven times eight?", "Fifty-six, since 7 * 8 = 56."),
        QAPair("Who wrote it?", "import numpy as np"),
    ]
    near = influence_scores(projected(student, base, PAIRS[60:80]), target)
    far = influence_scores(projected(student, base, unrelated), target)
    assert near.min() > far.max() + 0.1


def test_training_on_influential_pairs_helps_the_reference_more(student, base):
    """One step down a pair's gradient lowers the reference's loss as its influence says."""
    gradients = projected(student, base, PAIRS[:20])
    target = target_gradient(gradients, np.full(20, 1 / 20))
    candidates = [*PAIRS[60:66], QAPair("Who wrote it?", "import numpy as np")]
    scores = influence_scores(projected(student, base, candidates), target)
    gains = [gain_of_a_step(base, pair, PAIRS[:20]) for pair in candidates]
    assert np.argmin(scores) == np.argmin(gains) == 6
    assert min(gains[:6]) > 0


def gain_of_a_step(base, pair, reference):
    """Return by how much one step of unit length on a pair lowers the loss on others."""
    model, tokenizer = load(base)
    head = Head(model)

    def loss(pairs):
        total = torch.zeros(())
        for p in pairs:
            sequence, n = module.answer_sequences(tokenizer, *texts([p]), context_tokens=64)
            total = total + module._answer_loss(head, sequence[0], int(n[0]))
        return total / len(pairs)

    before = loss(reference).item()
    gradient = torch.autograd.grad(loss([pair]), list(model.parameters()))
    length = torch.sqrt(sum((g**2).sum() for g in gradient))
    with torch.no_grad():
        for parameter, part in zip(model.parameters(), gradient, strict=True):
            parameter -= 0.01 * part / length
    return before - loss(reference).item()
