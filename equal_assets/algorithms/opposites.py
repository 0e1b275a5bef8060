"""Words that turn a question round: what differs in them asks something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equal_assets.algorithms.words import words

AXES = tuple(
    tuple(frozenset(side.split()) for side in line.split("|"))
    for line in """
    above over | below under
    more greater larger bigger higher | less fewer smaller lower
    most greatest largest biggest highest | least fewest smallest lowest
    maximum maximal maximize max | minimum minimal minimize min
    before | after
    first earliest oldest | last latest newest
    longer | shorter
    longest | shortest
    faster | slower
    fastest | slowest
    best | worst
    start starts begin begins | end ends stop stops
    upper | lower
    top | bottom
    left | right
    inside | outside
    internal | external
    input inputs | output outputs
    with | without
    include includes including | exclude excludes excluding
    add adds adding added | remove removes removing removed delete deletes deleting deleted
    enable enables enabling enabled | disable disables disabling disabled
    open opens opening opened | close closes closing closed
    increase increases increasing | decrease decreases decreasing
    ascending | descending
    encode encodes encoding | decode decodes decoding
    import imports importing | export exports exporting
    read reads reading | write writes writing
    true | false
    positive | negative
    odd | even
    superset | subset
    advantage advantages | disadvantage disadvantages
    """.strip().splitlines()
)
"""English words, and those that say the opposite; no side of a line is closed."""


def sides(questions: Sequence[str]) -> np.ndarray:
    """Return on which side of each pair of opposites the words of questions are.

    Parameters
    ----------
    questions : sequence of str

    Returns
    -------
    ndarray of shape (n_questions, n_axes), int8
        1 and -1 for one side, 0 for none or both. Two questions are opposite where one has 1 and
        the other -1.
    """
    found = np.zeros((len(questions), len(AXES)), dtype=np.int8)
    for row, question in enumerate(questions):
        said = frozenset(words(question))
        for axis, (one, other) in enumerate(AXES):
            found[row, axis] = int(not said.isdisjoint(one)) - int(not said.isdisjoint(other))
    return found


def are_opposite(one: str, other: str) -> bool:
    """Tell whether two questions are on different sides of a pair of opposites.

    >>> are_opposite("How many are above 5?", "How many are below 5?")
    True
    >>> are_opposite("How many are above 5?", "How many are there?")
    False
    """
    first, second = sides([one, other])
    return bool((first * second < 0).any())
