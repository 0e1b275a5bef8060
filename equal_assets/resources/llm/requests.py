"""Requests to an LLM: documents in flight, tries, caps and journal around any backend."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from equal_assets.algorithms.extraction.loops import is_loop
from equal_assets.algorithms.extraction.parsing import UnusableReplyError
from equal_assets.algorithms.extraction.prompts import Chat
from equal_assets.algorithms.extraction.recipe import Reply, Request
from equal_assets.errors import ExtractionError
from equal_assets.processes import this_process
from equal_assets.progress import warn
from equal_assets.records import Document, Usage
from equal_assets.resources.llm.journal import (
    NoRoomError,
    Outcome,
    RequestJournal,
    RequestTakenError,
    StoredReply,
    request_key,
)
from equal_assets.resources.llm.llm import (
    CUT_OFF,
    IN_A_LOOP,
    LLM,
    STOPPED,
    Completion,
    SoFar,
    TryFailedError,
)
from equal_assets.resources.llm.places import Places, Talk
from equal_assets.resources.llm.spending import (
    NOTHING,
    Allowance,
    Amount,
    BudgetSpentError,
    Meter,
    Prices,
    payer_name,
)
from equal_assets.resources.llm.telemetry import EndedRequest, build_telemetry
from equal_assets.settings import LlamaCppSettings, LLMExtractionSettings, OpenAISettings

TEMPLATE_TOKENS = 256
"""More than any chat template adds to the messages of a chat."""

PREPARED_SHARE = 0.25
"""Documents in progress beyond ``concurrency``: their requests are ready when a place is free,
while other replies are read and journaled. Measured: 62 of 64 requests at the server, not 57."""

PATIENCE_TRIES = 200
"""How often a request waits at a server's request before its document fails."""

GIVE_UP_AFTER = 50
"""Failed requests in a row after which the run stops."""

LONGEST_BACKOFF_SECONDS = 30.0

LAST_WAIT_SECONDS = 30.0
"""For replies to requests in flight when a run ends."""

SIGN_SECONDS = 10.0
"""Between two signs of life for other machines, and looks at theirs."""

LOOK_SECONDS = 0.1
"""Between two looks at what another process has in flight."""

TELL_AFTER_SECONDS = 30.0
"""Of waiting for another process."""

LOG = logging.getLogger(__name__)

T = TypeVar("T")


class EventLoop:
    """An event loop in its own thread, so that requests continue while results are stored."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="llm")
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start work in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True)
class Job:
    """The requests for one document: their maximum cost, and the coroutine that sends them."""

    bound: Amount
    ask: Callable[[Meter], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class _Sent:
    """A request in the journal: its entry, its maximum cost, and what is sent beside the chat.

    ``is_counted``: the model's tokenizer has counted its chat.
    """

    entry: int
    covered: Amount
    most: tuple[int, int]
    is_counted: bool
    seed: int | None
    idempotency_key: str | None


class LLMRequests:
    """Sends requests to an LLM for one payer; everything in it runs in one event loop.

    Parameters
    ----------
    settings : LLMExtractionSettings
    llm : LLM
        Started.
    journal : RequestJournal
        Made in the thread of the loop.
    payer, run : str
        Who pays, and in which run.
    allowance : Allowance
    is_again : bool
        Also what was cut off at the same limit is sent again.
    """

    def __init__(
        self,
        settings: LLMExtractionSettings,
        llm: LLM,
        journal: RequestJournal,
        *,
        payer: str,
        run: str,
        allowance: Allowance,
        is_again: bool = False,
    ) -> None:
        self._settings = settings
        self._llm = llm
        self._journal = journal
        self._payer = payer
        self._run = run
        self._allowance = allowance
        self._prices = Prices(settings.prompt_price, settings.completion_price)
        is_own = isinstance(settings, LlamaCppSettings)
        self._is_billed = self._prices != Prices() and not is_own
        self._since = journal.newest() if is_again else 0
        self._told: set[str] = set()
        self._failed_in_a_row = 0
        self._ended: ExtractionError | None = None
        self._places = Places(settings.concurrency)
        self._telemetry = build_telemetry(settings)
        identity = settings.identity()
        self._model = {name: identity[name] for name in identity if name not in WORKED_OUT_HERE}

    async def run(self, jobs: Iterable[Job]) -> None:
        """Do jobs, many at once, each as soon as every cap has room for it.

        A job that exceeds a cap of the campaign is skipped.

        Raises
        ------
        ExtractionError
            If a cap of the run is spent, or no server answers.
        """
        in_flight: set[asyncio.Task[bool]] = set()
        most = math.ceil(self._settings.concurrency * (1 + PREPARED_SHARE))
        self._journal.show_sign()
        signs = asyncio.create_task(self._show_signs())
        try:
            for job in jobs:
                since = time.monotonic()
                while len(in_flight) >= most or not self._hold(job.bound):
                    if in_flight:
                        in_flight = await _wait_for_one(in_flight)
                    elif process := self._unsettled_by():  # another one: room may come back
                        await self._wait_for(process, since=since)
                    else:
                        await self._take(job)
                        break
                else:
                    meter = Meter(self._allowance, job.bound)
                    in_flight.add(asyncio.create_task(self._do(job, meter)))
            while in_flight:
                in_flight = await _wait_for_one(in_flight)
        except ExtractionError:
            if in_flight:  # what is paid for may still come in; nothing more is sent
                await asyncio.wait(in_flight, timeout=LAST_WAIT_SECONDS)
            raise
        finally:
            for task in (signs, *in_flight):
                task.cancel()
            await asyncio.gather(signs, *in_flight, return_exceptions=True)

    async def _show_signs(self) -> None:
        """Tell other machines that this process is alive, and close what dead ones left open."""
        while True:
            await asyncio.sleep(SIGN_SECONDS)
            self._journal.show_sign()
            self._journal.close_lost()

    def bound(self, messages: Chat, *, more_tokens: int = 0) -> Amount:
        """Return the maximum cost of a chat, and of tokens still to be put into it."""
        return self._prices.amount(
            self._prompt_tokens(messages)[0] + more_tokens, self._settings.max_reply_tokens
        )

    def _prompt_tokens(self, messages: Chat) -> tuple[int, bool]:
        """Return what a chat takes: counted by the model's tokenizer, which is told, or at most."""
        counted = self._llm.count(messages)
        return (_most_tokens(messages), False) if counted is None else (counted, True)

    def _hold(self, bound: Amount) -> bool:
        """Reserve a document's maximum cost if every cap has room, with all processes' spending."""
        self._see(
            self._journal.spent(payer=payer_name(self._payer)), self._journal.spent(run=self._run)
        )
        return self._allowance.hold(bound)

    def _see(self, of_payer: Amount, of_run: Amount) -> None:
        self._allowance.see(of_payer=of_payer, of_run=of_run)

    def _unsettled_by(self) -> str | None:
        return self._journal.unsettled_by(payer=self._payer, run=self._run)

    async def _wait_for(self, process: str, *, since: float) -> None:
        """Wait a moment for what a process has in flight; say so once if it takes long."""
        is_long = time.monotonic() - since > TELL_AFTER_SECONDS
        if is_long and process not in (*self._told, this_process()):
            self._told.add(process)
            machine, pid, _ = process.rsplit(" ", 2)
            warn(
                LOG,
                f"process {pid} on {machine.partition('/')[0]} has requests in flight: waiting for "
                "their replies, or for the room that they leave under a cap. If that process "
                "hangs, end it",
            )
        await asyncio.sleep(LOOK_SECONDS)

    async def _take(self, job: Job) -> None:
        """Do a job for which no cap has room from what the journal has, and send nothing.

        Raises
        ------
        ExtractionError
            If a cap of the run has no room for the rest of it.
        """
        cap = self._allowance.exceeded_by(job.bound)
        is_done = await self._do(job, Meter(self._allowance, NOTHING, may_send=False))
        if not is_done and cap is not None and cap.scope == "run":
            raise ExtractionError(
                f"{cap} has no room for the next document. Earlier extractions are stored; "
                "the next run continues from there with its own cap"
            )

    async def _do(self, job: Job, meter: Meter) -> bool:
        """Do a job; say whether its budget was enough."""
        is_done = False
        try:
            await job.ask(meter)
            is_done = True
        except* BudgetSpentError:
            pass  # replies that it has paid for are in the journal
        finally:
            meter.close()
        return is_done

    async def answer(
        self, request: Request, document: Document, meter: Meter, *, talk: Talk | None = None
    ) -> Reply:
        """Return the reply to a request: from the journal, or from the LLM in a few tries.

        The turns of a talk go to the same server, and before those that begin another one.
        """
        key = request_key(**_identity(request.messages), schema=request.schema, **self._model)
        failure, salvaged, n_tries, n_waits = "", None, 0, 0
        replies: set[str] = set()
        while n_tries < self._settings.max_tries and n_waits < PATIENCE_TRIES:
            await self._until_settled(key)
            answered = self._journal.answer(key)
            if (known := self._known(answered, key, request)) is not None:
                stored, value = known
                self._count_known(stored, meter)
                return Reply(value, text=stored.reply)
            limit = self._settings.max_reply_tokens
            if cut_off := self._journal.cut_off(key, limit=limit, since=self._since):
                stored, reason = cut_off
                self._count_known(stored, meter, n_tries=1)
                return Reply(request.salvage(stored.reply), reason)
            unread = answered.request if answered else 0
            try:
                reply = await self.send(request, key, document, meter, talk=talk, unread=unread)
            except RequestTakenError:
                continue
            except TryFailedError as error:
                failure = error.told
                if error.next_step == "wait":
                    n_waits += 1
                    continue
                n_tries += 1
                if error.reply is not None and failure.startswith((CUT_OFF, STOPPED)):
                    salvaged = request.salvage(error.reply)
                elif error.partial:
                    salvaged = request.salvage(error.partial)
                if error.next_step == "give up" or error.reply in replies:
                    break
                if error.next_step == "unreachable" and n_tries == self._settings.max_tries:
                    self._ended = ExtractionError(f"{failure}; earlier extractions are stored")
                    raise self._ended from error
                if error.reply is None:
                    await asyncio.sleep(_backoff_seconds(n_tries))
                else:
                    replies.add(error.reply)
            else:
                self._failed_in_a_row = 0
                meter.usage += Usage(n_requests=1)
                return reply
        meter.usage += Usage(n_requests=1)
        if salvaged is None:
            self._count_failure(failure)
        return Reply(salvaged, failure)

    async def _until_settled(self, key: str) -> None:
        """Wait until no process that is alive has the same request in flight."""
        since = time.monotonic()
        while (process := self._journal.in_flight(key)) is not None:
            await self._wait_for(process, since=since)

    def _known(
        self, answered: StoredReply | None, key: str, request: Request
    ) -> tuple[StoredReply, Any] | None:
        """Return the stored reply to the same request that can be read, and what it says.

        One that an earlier version could not read is paid for as well.
        """
        for stored in [answered] if answered else self._journal.unusable(key):
            try:
                return stored, request.parse(stored.reply)
            except UnusableReplyError:
                continue
        return None

    async def send(
        self,
        request: Request,
        key: str,
        document: Document,
        meter: Meter,
        *,
        talk: Talk | None = None,
        unread: int = 0,
    ) -> Reply:
        """Send a request once; its maximum cost is reserved and on disk before, settled after.

        Parameters
        ----------
        talk : Talk or None
            Of which the request is a turn; None: of one of its own.
        unread : int
            The newest answer in the journal, which says nothing.

        Raises
        ------
        BudgetSpentError
            If a cap has no room for it, once nothing is in flight that might leave some.
        RequestTakenError
            If another process was quicker.
        """
        since, talk = time.monotonic(), talk or Talk()
        while meter.may_send:
            turn = self._places.one(goes_on=talk.has_begun)
            async with turn, self._llm.room(talk.place) as place:
                if self._ended is not None:
                    raise self._ended
                try:
                    sent = self._enter(request, key, document, meter, unread=unread)
                except (BudgetSpentError, NoRoomError):
                    pass
                else:
                    reply = await self._complete(place, request, sent, meter)
                    talk.place, talk.has_begun = place, True
                    return reply
            if (process := self._unsettled_by()) is None:
                break
            await self._wait_for(process, since=since)
        raise BudgetSpentError

    def _enter(
        self, request: Request, key: str, document: Document, meter: Meter, *, unread: int
    ) -> _Sent:
        """Reserve what a request costs at most, here and in the journal."""
        n_prompt, is_counted = self._prompt_tokens(request.messages)
        most = (n_prompt, self._settings.max_reply_tokens)
        covered = self._prices.amount(*most)
        n_unusable = len(self._journal.unusable(key))
        idempotency_key = None
        if isinstance(self._settings, OpenAISettings) and self._settings.idempotent:
            idempotency_key = request_key(key=key, n_unusable=n_unusable, limit=most[1])

        def has_room(of_payer: Amount, of_run: Amount) -> bool:
            self._see(of_payer, of_run)
            return meter.has_room_for(covered)

        meter.cover(covered)
        try:
            entry = self._journal.open(
                key,
                document=document.content_hash,
                payer=self._payer,
                run=self._run,
                prompt_tokens=most[0],
                completion_tokens=most[1],
                cost=covered.cost,
                prompt_price=self._prices.prompt / 1e6,
                known=unread,
                idempotency_key=idempotency_key,
                has_room=has_room,
            )
        except BaseException:
            meter.uncover(covered)
            raise
        meter.begin(covered)
        seed = self._seed(key, n_unusable)
        return _Sent(entry, covered, most, is_counted, seed, idempotency_key)

    async def _complete(self, place: Any, request: Request, sent: _Sent, meter: Meter) -> Reply:
        """Return what the completion of a request says that is in the journal."""
        started = time.monotonic()
        completion, failure = None, None
        so_far = SoFar() if self._is_billed else SoFar(partial(self._journal.note, sent.entry))
        try:
            completion = await self._llm.complete(
                place,
                request.messages,
                request.schema,
                seed=sent.seed,
                idempotency_key=sent.idempotency_key,
                so_far=so_far,
            )
            return _read(completion, request)
        except BaseException as error:
            failure = error
            completion = completion or so_far.completion
            if isinstance(error, ExtractionError):
                self._ended = error
            if isinstance(error, TryFailedError) and so_far.completion:
                error.partial = so_far.completion.text
            raise
        finally:
            seconds = time.monotonic() - started
            self._settle(sent, meter, completion=completion, failure=failure, seconds=seconds)
            if self._telemetry is not None:
                self._telemetry.tell(
                    EndedRequest(
                        address=getattr(place, "url", ""),
                        campaign=payer_name(self._payer),
                        entry=sent.entry,
                        outcome=_outcome(failure),
                        seconds=seconds,
                        seed=sent.seed,
                        completion=completion,
                        failure=failure,
                    )
                )

    def _settle(
        self,
        sent: _Sent,
        meter: Meter,
        *,
        completion: Completion | None,
        failure: BaseException | None,
        seconds: float,
    ) -> None:
        """Enter the outcome of a request, and count its cost."""
        if completion and completion.is_left:
            completion = self._left(completion, sent)
        outcome = _outcome(failure)
        if outcome == "lost" and completion and _is_known(completion):
            outcome = "unusable"
        charged = self._charged(completion, outcome, sent.most)
        reason = None if failure is None else str(failure) or type(failure).__name__
        if reason and reason.startswith(CUT_OFF):
            reason = f"{reason} [{sent.most[1]}]"
        spent = self._prices.amount(*charged)
        self._journal.settle(
            sent.entry,
            outcome,
            prompt_tokens=charged[0],
            completion_tokens=charged[1],
            cost=spent.cost,
            seconds=seconds,
            reply=_kept(completion, reason),
            reason=reason,
            is_counted=not (completion and completion.is_left and completion.prompt_tokens is None),
        )
        if completion and completion.prompt_tokens is not None and outcome != "lost":
            self._allowance.take_back(self._journal.learn(sent.entry, prompt_tokens=charged[0]))
        known, cost = ((0, 0), 0.0) if outcome == "lost" else (charged, spent.cost)
        usage = Usage(*known, *known, cost, cost, n_tries=1, request_seconds=seconds)
        meter.settle(sent.covered, spent=spent, usage=usage)

    def _left(self, completion: Completion, sent: _Sent) -> Completion:
        """Return a reply that was left as far as it is known: not what somebody charges for it."""
        is_counted = completion.prompt_tokens is None and sent.is_counted
        written = min(completion.completion_tokens or 0, sent.most[1])
        return replace(
            completion,
            prompt_tokens=sent.most[0] if is_counted else completion.prompt_tokens,
            completion_tokens=None if self._is_billed else written,
        )

    def _charged(
        self, completion: Completion | None, outcome: Outcome, most: tuple[int, int]
    ) -> tuple[int, int]:
        """Return the tokens charged for a try: as the server says, else the maximum."""
        if outcome == "refused":
            return 0, 0
        said = completion or Completion("", False, None, None, is_left=True)
        read, written = said.prompt_tokens, said.completion_tokens
        if read is None:
            read = self._journal.likely_tokens(most[0]) if said.is_left else most[0]
        return read, most[1] if written is None else written

    def _count_known(self, known: StoredReply, meter: Meter, *, n_tries: int = 0) -> None:
        """Count a reply from the journal, unless the same payer has paid for it before."""
        tokens = (known.prompt_tokens, known.completion_tokens)
        is_own = payer_name(known.payer) == payer_name(self._payer)
        paid = tokens if is_own else (0, 0)
        cost = known.cost if is_own else 0.0
        usage = Usage(*tokens, *paid, known.cost, cost, n_requests=1, n_tries=n_tries)
        # its caps already count what the payer has paid
        spent = NOTHING if is_own else Amount(sum(tokens), known.cost)
        meter.take(spent, usage=usage)

    def _seed(self, key: str, n_unusable: int) -> int | None:
        """Return a seed for this request: with one seed for all, replies resemble each other.

        After a reply that could not be used there is another one, also in another process; a
        request that was refused or lost is sent again as it was.
        """
        if self._settings.seed is None:
            return None
        return (int(key[:12], 16) + self._settings.seed + n_unusable) % 2**31

    def _count_failure(self, reason: str) -> None:
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= GIVE_UP_AFTER:
            self._ended = ExtractionError(
                f"{GIVE_UP_AFTER} requests in a row failed, the last with: {reason}. Mend that; "
                "then `equal run` continues. Earlier extractions are stored"
            )
            raise self._ended


WORKED_OUT_HERE = frozenset(
    {
        "prompts",
        "refine",
        "judge",
        "min_score",
        "quality",
        "max_pairs",
        "chunk_characters",
        "chunk_overlap_characters",
    }
)
"""Settings that change prompts, schemas or what is kept, but not the reply to the same request."""


def _outcome(failure: BaseException | None) -> Outcome:
    if failure is None:
        return "answered"
    if isinstance(failure, TryFailedError):
        return failure.outcome
    return "refused" if isinstance(failure, ExtractionError) else "lost"


def _identity(messages: Chat) -> dict[str, Any]:
    """Return what identifies a chat; one message as before there were chats, it is paid for."""
    is_prompt = [message["role"] for message in messages] == ["user"]
    return {"prompt": messages[0]["content"]} if is_prompt else {"messages": messages}


def _read(completion: Completion, request: Request) -> Reply:
    """Return what a completion says; raise TryFailedError if that is nothing."""
    written, failed = completion.text, completion.failure
    if completion.is_cut_off:
        reason = failed.reason if failed else CUT_OFF
        if not completion.is_left and is_loop(written):
            reason += IN_A_LOOP
        raise TryFailedError(reason, outcome="unusable", next_step="give up", reply=written)
    if failed is not None:
        raise failed
    try:
        return Reply(request.parse(written), text=written)
    except UnusableReplyError as error:
        raise TryFailedError(
            error.reason, outcome="unusable", next_step="again", reply=completion.text
        ) from error


def _is_known(completion: Completion) -> bool:
    """Say whether a server has told all that a reply has taken."""
    return completion.prompt_tokens is not None and completion.completion_tokens is not None


def _kept(completion: Completion | None, reason: str | None) -> str | None:
    """Return what the journal keeps of a reply: nothing of one that something else has ended."""
    is_part = completion and completion.is_left and not (reason or "").startswith(STOPPED)
    return "" if is_part else completion.text if completion else None


def _most_tokens(messages: Chat) -> int:
    """Return a bound for every tokenizer that falls back to bytes: one token per byte."""
    return sum(len(said["content"].encode("utf-8")) for said in messages) + TEMPLATE_TOKENS


def _backoff_seconds(n_tries: int) -> float:
    longest = min(LONGEST_BACKOFF_SECONDS, 0.5 * 2**n_tries)
    return longest * random.uniform(0.5, 1.0)


async def _wait_for_one(in_flight: set[asyncio.Task[bool]]) -> set[asyncio.Task[bool]]:
    """Wait until a document is done; raise its error, return the documents still in progress."""
    done, going_on = await asyncio.wait(in_flight, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        failure: BaseException | None = task.exception()
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        if failure is not None:
            raise failure
    return going_on
