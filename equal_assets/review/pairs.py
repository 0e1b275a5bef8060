"""The pairs of a campaign that a reviewer decides on, and what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from equal_assets.algorithms.extraction.score import pair_score
from equal_assets.algorithms.extraction.source import source
from equal_assets.records import Document, QAPair
from equal_assets.resources.corpora.places import below_corpus, file_name
from equal_assets.resources.verdicts import PairVerdict, Verdicts, verdicts_beside
from equal_assets.resources.warehouse import Warehouse, document_names, read_documents
from equal_assets.steps.review import LOW_SCORE


@dataclass(frozen=True)
class ReviewPair:
    """A pair with what a reviewer looks at beside it.

    Attributes
    ----------
    qa_id : str
    pair : QAPair
        As it was extracted.
    document : Document
    source : str
        Where the document comes from: a file below the corpus, a data set, a package.
    place : str
        Its file, with row and chunk where that holds more than this document.
    cluster : int
    terms : tuple of str
        Words of the cluster.
    round : int
    is_left_out : bool
        Whether the data set leaves it out because it scores as what reviewers reject.
    """

    qa_id: str
    pair: QAPair
    document: Document
    source: str
    place: str
    cluster: int
    terms: tuple[str, ...]
    round: int
    is_left_out: bool

    @cached_property
    def score(self) -> float:
        """The probability that a careful reader would call it good, by the checks alone."""
        found = pair_score(self.pair.question, self.pair.answer, source(self.document.text))
        return round(found, 2)

    @property
    def title(self) -> str:
        """What people call its document: its title, or where it stands."""
        return self.document.title or self.place

    @property
    def cluster_name(self) -> str:
        """The cluster as people read it."""
        return ": ".join(filter(None, [str(self.cluster), ", ".join(self.terms)]))


class Reviewing:
    """A reviewer at work on the pairs of a campaign.

    Parameters
    ----------
    warehouse : Warehouse
        Open for a moment when :meth:`load` reads the pairs, and never else.
    campaign, target : str
    reviewer : str
    paths : sequence of str
        Files, folders and globs of the corpus; files are called by their place below these.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        campaign: str,
        target: str,
        reviewer: str,
        paths: Sequence[str] = (),
    ) -> None:
        self.campaign, self.target, self.reviewer = campaign, target, reviewer
        self._paths = paths
        self._warehouse = warehouse
        self.verdicts: Verdicts = verdicts_beside(warehouse.database)
        self.pairs: dict[str, ReviewPair] = {}

    def load(self) -> None:
        """Read the pairs that there are now, by chance in order; scores known stay known."""
        with self._warehouse.reading() as read:
            rows = read.query("reviewable_pairs", campaign=self.campaign, low_score=LOW_SCORE)
        ids = rows["document_id"].unique().to_list()
        known = {pair.document.document_id: pair.document for pair in self.pairs.values()}
        new = read_documents(self._warehouse, [of for of in ids if of not in known])
        known |= {document.document_id: document for document in new}
        places = {pair.document.document_id: pair.place for pair in self.pairs.values()}
        places |= document_names(self._warehouse, [document.document_id for document in new])
        found = {}
        for row in rows.iter_rows(named=True):
            document = known[row["document_id"]]
            file = below_corpus(document.file, self._paths)
            is_file = document.source == file_name(document.file)
            pair = ReviewPair(
                qa_id=row["qa_id"],
                pair=QAPair(row["question"], row["answer"]),
                document=document,
                source=file if is_file else document.source,
                place=places[row["document_id"]],
                cluster=row["cluster"],
                terms=tuple(row["terms"]),
                round=row["round"],
                is_left_out=row["is_left_out"],
            )
            before = self.pairs.get(pair.qa_id)
            found[pair.qa_id] = before if before == pair else pair
        self.pairs = found

    def standing(self) -> dict[QAPair, PairVerdict]:
        """Return what counts now, by pair."""
        return self.verdicts.standing(self.target)

    def say(self, verdicts: list[PairVerdict]) -> None:
        """Store verdicts, all or none."""
        self.verdicts.add(self.target, verdicts)

    def undo(self) -> str | None:
        """Take back what this reviewer said last of these pairs; return the id of its pair.

        Of several with the same words, the first.
        """
        ids = {found.pair: found.qa_id for found in reversed(self.pairs.values())}
        pair = self.verdicts.take_back(self.target, self.reviewer, ids.keys())
        return None if pair is None else ids[pair]
