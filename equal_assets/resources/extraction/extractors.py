"""Extractors turn documents into QA pairs; one class per backend."""

import json
import queue
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from equal_assets.algorithms.extraction.laid_out import extract_pairs
from equal_assets.algorithms.extraction.rating import RatingTask
from equal_assets.algorithms.flops import inference_flops
from equal_assets.errors import ModelError
from equal_assets.records import Document, Extraction, QAPair, Rating
from equal_assets.resources.extraction.llm_extraction import ExtractionRun
from equal_assets.resources.extraction.llm_rating import rate_documents
from equal_assets.resources.llm.gguf import read_head
from equal_assets.resources.llm.journal import LostRequests, RequestJournal, journal
from equal_assets.resources.llm.llm import CUT_OFF, IN_A_LOOP, LLM
from equal_assets.resources.llm.replies import is_of_reply
from equal_assets.resources.llm.requests import EventLoop, LLMRequests
from equal_assets.resources.llm.spending import NOTHING, Allowance, Amount, Cap, caps
from equal_assets.resources.students.model_parameters import dense_parameters
from equal_assets.settings import (
    ExtractorSettings,
    LlamaCppSettings,
    LLMExtractionSettings,
    OpenAISettings,
    ReplaySettings,
    VLLMSettings,
    fingerprint,
)

JOURNAL_FILE = "requests.sqlite"

T = TypeVar("T")
Work = Callable[[LLMRequests, Callable[[T], None]], Coroutine[Any, Any, None]]
"""Sends requests, and emits their outcomes."""


@dataclass(frozen=True)
class Order:
    """Who orders an extraction, and what it may spend.

    Attributes
    ----------
    payer : str
        ``"warm-up"`` or ``"campaign|round-NNN"``.
    run : str
        The run that it belongs to, for the caps of a run.
    allowance : Allowance
        Shared by all extractions of the order.
    is_again : bool
        Also replies that were cut off at the limit of now are asked for again.
    refine : bool
        Pairs are refined if the settings say so.
    """

    payer: str
    run: str
    allowance: Allowance
    is_again: bool = False
    refine: bool = True


class Extractor(dg.ConfigurableResource, ABC):
    """Role: documents in, one extraction for each out.

    A backend states its ``BACKEND`` name and a ``VERSION``, to be raised whenever the same document
    and settings give other pairs: stored extractions are found by the fingerprint of these.
    """

    BACKEND: ClassVar[str]
    VERSION: ClassVar[int]

    @cached_property
    def fingerprint(self) -> str:
        """Identity of everything that decides the pairs: backend, version, settings."""
        return fingerprint(
            {"backend": self.BACKEND, "version": self.VERSION, "settings": self.identity()}
        )

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide the pairs, as JSON values."""
        return self.model_dump(mode="json")

    def described(self) -> dict[str, Any]:
        """Return the contents of the fingerprint, as the query `record_extractor` takes them."""
        return {
            "extractor": self.fingerprint,
            "backend": self.BACKEND,
            "backend_version": self.VERSION,
            "settings": json.dumps(self.identity(), sort_keys=True, ensure_ascii=False),
        }

    @abstractmethod
    def extract(self, documents: Sequence[Document], order: Order) -> Iterator[Extraction]:
        """Yield an extraction of each document as soon as it is done.

        A document that exceeds the order's allowance is skipped.
        """

    def flops_per_token(self) -> float | None:
        """Return the operations per token that is read or written; None if unknown."""
        return 0.0

    def refinement(self) -> bool | Literal["auto"]:
        """Say whether pairs are refined by a second request."""
        return False

    def worth_another_try(self, failures: Mapping[str, str]) -> set[str]:
        """Return the content hashes of failures, with their reasons, that may end otherwise now."""
        return set()

    def paid_by(self, payer: str) -> Amount:
        """Return what the warm-up or a campaign has paid in all, for nothing or lost included."""
        return NOTHING

    def run_caps(self, run: str) -> list[Cap]:
        """Return the caps of a run, with what it has paid before."""
        return []

    def disown(self, campaign: str) -> None:
        """Leave what a campaign has paid to an earlier attempt of the same name."""

    def in_flight(self) -> dict[str, int]:
        """Return how many requests processes that are alive have in flight, by payer."""
        return {}

    def lost(self) -> list[LostRequests]:
        """Return the requests whose fate nobody knows, which count as paid, by payer."""
        return []

    def release_lost(self, payer: str) -> None:
        """Count the lost requests of the warm-up or a campaign as not charged."""

    def close(self) -> None:
        """Release what extraction holds, such as a GPU; it can start again."""


class StructuralExtractor(Extractor):
    """Finds the QA pairs that are laid out in the text; no model."""

    BACKEND: ClassVar[str] = "structural"
    VERSION: ClassVar[int] = 1

    max_pairs: int = Field(ge=1, description="pairs kept per document, in document order")

    def extract(self, documents: Sequence[Document], order: Order) -> Iterator[Extraction]:
        """Yield one extraction per document, in their order; it takes nothing."""
        for document in documents:
            started = time.perf_counter()
            pairs = extract_pairs(
                document.text, max_pairs=self.max_pairs, subject=_subject(document)
            )
            yield _extraction(document, pairs, seconds=time.perf_counter() - started)


class ReplayExtractor(Extractor):
    """Returns the QA pairs that came with a document, without those with an empty half."""

    BACKEND: ClassVar[str] = "replay"
    VERSION: ClassVar[int] = 1

    max_pairs: int = Field(ge=1, description="pairs kept per document, in document order")

    def extract(self, documents: Sequence[Document], order: Order) -> Iterator[Extraction]:
        """Yield one extraction per document, in their order; it takes nothing."""
        for document in documents:
            started = time.perf_counter()
            whole = [p for p in document.qa_pairs if p.question.strip() and p.answer.strip()]
            yield _extraction(
                document, whole[: self.max_pairs], seconds=time.perf_counter() - started
            )


class LLMExtractor(Extractor):
    """Asks an LLM for the pairs; the backend starts with the first document that is not stored."""

    VERSION: ClassVar[int] = 2

    settings: str = Field(description="the section `extractor` as JSON; it holds no key")
    journal_path: str = Field(description="every request that was sent, and its reply")

    _loop: EventLoop | None = PrivateAttr(None)
    _llm: LLM | None = PrivateAttr(None)
    _journal: RequestJournal | None = PrivateAttr(None)

    @cached_property
    def llm_settings(self) -> LLMExtractionSettings:
        """The settings, typed."""
        raise NotImplementedError

    def build_llm(self) -> LLM:
        """Return the backend, not started."""
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide the pairs, prompts by their text."""
        return self.llm_settings.identity()

    def n_parameters(self) -> float | None:
        """Return the parameters that a token passes through; None if unknown."""
        return self.llm_settings.parameters

    def flops_per_token(self) -> float | None:
        """Return twice the parameters that a token passes through; None if unknown."""
        n_parameters = self.n_parameters()
        return None if n_parameters is None else inference_flops(n_parameters, 1)

    def extract(self, documents: Sequence[Document], order: Order) -> Iterator[Extraction]:
        """Yield an extraction of each document as soon as it is done, in any order.

        Raises
        ------
        ExtractionError
            If it cannot continue; results yielded before are complete.
        """
        if not documents:
            return

        async def extract(requests: LLMRequests, emit: Callable[[Extraction], None]) -> None:
            run = ExtractionRun(self.llm_settings, requests, refine=order.refine)
            await run.extract(documents, emit)

        yield from self._stream(extract, order)

    def rate(
        self, documents: Sequence[Document], task: RatingTask, order: Order
    ) -> Iterator[Rating]:
        """Yield a rating of each document as soon as it is done, in any order.

        A document that exceeds the order's allowance is skipped.

        Raises
        ------
        ExtractionError
            If it cannot continue; results yielded before are complete.
        """
        if not documents:
            return

        async def rate(requests: LLMRequests, emit: Callable[[Rating], None]) -> None:
            await rate_documents(requests, documents, task, emit)

        yield from self._stream(rate, order)

    def refinement(self) -> bool | Literal["auto"]:
        """Say whether pairs are refined by a second request."""
        return self.llm_settings.refine

    def paid_by(self, payer: str) -> Amount:
        """Return what the warm-up or a campaign has paid in all, for nothing or lost included."""
        with journal(Path(self.journal_path)) as opened:
            opened.close_lost()
            return opened.spent(payer=payer)

    def worth_another_try(self, failures: Mapping[str, str]) -> set[str]:
        """Return the failures in which no reply came, or one cut off at a lower limit than now's.

        A reply that could not be used would come, and be paid for, again; one in a loop would be
        longer.
        """
        limit = self.llm_settings.max_reply_tokens
        with journal(Path(self.journal_path)) as opened:
            return {
                content_hash
                for content_hash, reason in failures.items()
                if not is_of_reply(reason)
                or (_may_end(reason) and (opened.highest_limit(content_hash) or limit) < limit)
            }

    def run_caps(self, run: str) -> list[Cap]:
        """Return the caps of a run, with what it has paid before."""
        settings = self.llm_settings
        with journal(Path(self.journal_path)) as opened:
            opened.close_lost()
            spent = opened.spent(run=run)
        return caps(
            "extractor.run_",
            "run",
            spent,
            documents=settings.run_documents,
            tokens=settings.run_tokens,
            cost=settings.run_cost,
        )

    def disown(self, campaign: str) -> None:
        """Leave what a campaign has paid to an earlier attempt of the same name."""
        with journal(Path(self.journal_path)) as opened:
            opened.disown(campaign)

    def in_flight(self) -> dict[str, int]:
        """Return how many requests processes that are alive have in flight, by payer."""
        with journal(Path(self.journal_path)) as opened:
            opened.close_lost()
            return opened.open_requests()

    def lost(self) -> list[LostRequests]:
        """Return the requests whose fate nobody knows, which count as paid, by payer."""
        with journal(Path(self.journal_path)) as opened:
            opened.close_lost()
            return opened.lost()

    def release_lost(self, payer: str) -> None:
        """Count the lost requests of the warm-up or a campaign as not charged."""
        with journal(Path(self.journal_path)) as opened:
            opened.release_lost(payer)

    def close(self) -> None:
        """End the backend and its event loop."""
        if self._loop is not None:
            self._loop.submit(self._close()).result()
            self._loop.close()
            self._loop = None

    def _start(self) -> EventLoop:
        if self._loop is None:
            self._loop = EventLoop()
            try:
                self._loop.submit(self._open()).result()
            except BaseException:
                self.close()
                raise
        return self._loop

    async def _open(self) -> None:
        self._journal = RequestJournal(Path(self.journal_path))
        self._llm = self.build_llm()
        await self._llm.start()

    async def _close(self) -> None:
        if self._llm is not None:
            await self._llm.close()
        if self._journal is not None:
            self._journal.close()
        self._llm = self._journal = None

    def _stream(self, work: Work[T], order: Order) -> Iterator[T]:
        """Start work in the event loop, and yield what it emits."""
        finished: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        task = self._start().submit(self._run(work, order, finished))
        try:
            while (result := finished.get()) is not None:
                yield result
            task.result()
        finally:
            if task.cancel():  # requests that were sent are settled before the next work begins
                while finished.get() is not None:
                    pass

    async def _run(
        self, work: Work[T], order: Order, finished: queue.SimpleQueue[T | None]
    ) -> None:
        """Put each result into the queue, and None at the end, also after an error."""
        try:
            if self._llm is None or self._journal is None:
                raise RuntimeError("the extractor was closed while it was working")
            requests = LLMRequests(
                self.llm_settings,
                self._llm,
                self._journal,
                payer=order.payer,
                run=order.run,
                allowance=order.allowance,
                is_again=order.is_again,
            )
            await work(requests, finished.put)
        finally:
            finished.put(None)


class OpenAIExtractor(LLMExtractor):
    """Asks OpenAI-compatible servers."""

    BACKEND: ClassVar[str] = "openai"

    @cached_property
    def llm_settings(self) -> OpenAISettings:
        """The settings, typed."""
        return OpenAISettings.model_validate_json(self.settings)

    def build_llm(self) -> LLM:
        """Return the client."""
        from equal_assets.resources.llm.openai_client import OpenAIClient

        return OpenAIClient(self.llm_settings)


class VLLMExtractor(LLMExtractor):
    """Runs a vLLM engine of its own."""

    BACKEND: ClassVar[str] = "vllm"

    @cached_property
    def llm_settings(self) -> VLLMSettings:
        """The settings, typed."""
        return VLLMSettings.model_validate_json(self.settings)

    def n_parameters(self) -> float | None:
        """Return the number in the settings, else that of a dense model in a folder."""
        return self.llm_settings.parameters or dense_parameters(Path(self.llm_settings.model))

    def build_llm(self) -> LLM:
        """Return the engine."""
        from equal_assets.resources.llm.vllm_engine import VLLM

        return VLLM(self.llm_settings)


class LlamaCppExtractor(LLMExtractor):
    """Runs llama.cpp's server as a child."""

    BACKEND: ClassVar[str] = "llama-cpp"

    @cached_property
    def llm_settings(self) -> LlamaCppSettings:
        """The settings, typed."""
        return LlamaCppSettings.model_validate_json(self.settings)

    def n_parameters(self) -> float | None:
        """Return the number in the settings, else that of a dense model in the file."""
        if self.llm_settings.parameters is not None:
            return self.llm_settings.parameters
        try:
            head = read_head(Path(self.llm_settings.model))
        except ModelError:  # gone: what it extracted is still there
            return None
        return head.parameters if head.is_dense else None

    def build_llm(self) -> LLM:
        """Return the server, not started, with its client."""
        from equal_assets.resources.llm.llama_server import LOG_FILE, LlamaCpp

        return LlamaCpp(self.llm_settings, Path(self.journal_path).with_name(LOG_FILE))


LLM_EXTRACTORS: dict[type[LLMExtractionSettings], type[LLMExtractor]] = {
    OpenAISettings: OpenAIExtractor,
    VLLMSettings: VLLMExtractor,
    LlamaCppSettings: LlamaCppExtractor,
}


def build_extractor(settings: ExtractorSettings, state_folder: Path) -> Extractor:
    """Return the extractor that the settings name.

    Parameters
    ----------
    settings : equal_assets.settings.ExtractorSettings
        The ``extractor`` section of campaigns.yaml.
    state_folder : Path
        Holds the journal of requests.

    Returns
    -------
    Extractor
    """
    if isinstance(settings, LLMExtractionSettings):
        return LLM_EXTRACTORS[type(settings)](
            settings=settings.model_dump_json(),
            journal_path=str(state_folder / JOURNAL_FILE),
        )
    plain = ReplayExtractor if isinstance(settings, ReplaySettings) else StructuralExtractor
    return plain(max_pairs=settings.max_pairs)


def _extraction(document: Document, pairs: Sequence[QAPair], *, seconds: float) -> Extraction:
    return Extraction(
        content_hash=document.content_hash,
        status="pairs" if pairs else "no pairs",
        pairs=tuple(pairs),
        reason=None,
        seconds=seconds,
    )


def _may_end(reason: str) -> bool:
    """Say whether a reply that was cut off might be whole at a higher limit."""
    return CUT_OFF in reason.replace(f"{CUT_OFF}{IN_A_LOOP}", "")


def _subject(document: Document) -> str | None:
    """Return the name of the object that a docstring documents, as users would import it.

    A private module is an implementation: the package above it offers what it defines.
    """
    module, name = document.metadata.get("module"), document.metadata.get("qualname", "")
    if not module:
        return None
    public = module.partition("._")[0]
    if document.metadata.get("kind") == "module":
        return public  # its qualified name is its own, not one inside it
    name = name.removesuffix("__init__").removesuffix(".")
    return f"{public}.{name}" if name else public
