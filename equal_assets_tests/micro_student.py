"""A tiny student that trains in seconds, and the facts that it learns."""

import random

from equal_assets.records import QAPair
from equal_assets.resources.students.build import build_student
from equal_assets.resources.students.tiny import TinyStudent
from equal_assets.settings import TinyStudentSettings

MICRO = TinyStudentSettings(
    vocabulary=512,
    hidden_size=32,
    layers=1,
    heads=2,
    context_tokens=64,
    pretrain_tokens=12_000,
    pretrain_learning_rate=2e-2,
    batch_size=8,
    epochs=4,
    learning_rate=5e-3,
)
COLORS = ("red", "green", "blue", "yellow", "violet", "orange")
THINGS = ("lamp", "chair", "river", "stone", "window", "garden", "letter", "engine")
PLACES = ("the hall", "the attic", "the harbor", "the valley", "the market")


def facts() -> list[tuple[str, str, str]]:
    shuffled = [(color, thing, place) for color in COLORS for thing in THINGS for place in PLACES]
    random.Random(0).shuffle(shuffled)
    return shuffled


TEXTS = [
    f"A {color} {thing} stands in {place}. Whoever comes to {place} sees that it is {color}, "
    f"and that no other {thing} is near."
    for color, thing, place in facts()
]
PAIRS = [
    QAPair(f"Where is the {color} {thing}?", f"The {color} {thing} stands in {place}.")
    for color, thing, place in facts()
]
TRAIN, HELD_OUT = PAIRS[:160], PAIRS[200:]


def silent(done: int, total: int) -> None:
    """Progress that nobody listens to."""


def micro(folder, **changes) -> TinyStudent:
    """Return the student, with other settings if need be."""
    return build_student(MICRO.model_copy(update=changes), str(folder))


def long_question(n_words: int) -> str:
    return " ".join(["Where is the red lamp and"] * n_words)
