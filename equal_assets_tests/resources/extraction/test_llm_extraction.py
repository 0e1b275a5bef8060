"""Tries, caps and journal around an LLM that answers by rule, without any server."""

import asyncio
import contextlib
import json
import sqlite3
from collections import Counter
from functools import cached_property

import pytest
from pydantic import PrivateAttr

from equal_assets.errors import ExtractionError
from equal_assets.records import Document, QAPair
from equal_assets.resources.extraction.extractors import LLMExtractor, Order
from equal_assets.resources.llm import requests as llm_requests
from equal_assets.resources.llm.llm import LLM, Completion, TryFailedError
from equal_assets.resources.llm.spending import Allowance, Cap
from equal_assets.settings import LLMExtractionSettings, OpenAISettings
from equal_assets_tests.llm_server import document_text, reply_to, words

BASE = {
    "backend": "openai",
    "base_urls": ["http://127.0.0.1:9/v1"],
    "model": "m",
    "max_reply_tokens": 200,
    "prompt_price": 1.0,
    "completion_price": 2.0,
}


class ByRule(LLM):
    """Answers as the test server does; ``faults`` maps the number of a call to what it raises."""

    def __init__(self, faults, delay):
        self.prompts, self.chats, self.most_at_once = [], [], 0
        self._faults, self._delay, self._at_once = faults, delay, 0

    async def start(self):
        pass

    async def close(self):
        pass

    def room(self, before=None):
        return contextlib.nullcontext()

    async def complete(self, place, messages, schema, *, seed, idempotency_key=None, so_far=None):
        prompt = "\n".join(message["content"] for message in messages)
        self.chats.append(messages)
        self.prompts.append(prompt)
        fault = self._faults(len(self.prompts), prompt)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self._delay)
        finally:
            self._at_once -= 1
        if isinstance(fault, Exception):
            raise fault
        if isinstance(fault, Completion):
            return fault
        reply, finish_reason = reply_to(messages)
        return Completion(reply, finish_reason == "length", words(prompt), words(reply))


class ByRuleExtractor(LLMExtractor):
    """The extractor over such an LLM."""

    BACKEND = "by-rule"
    _answers: ByRule = PrivateAttr()

    @cached_property
    def llm_settings(self) -> LLMExtractionSettings:
        return OpenAISettings.model_validate_json(self.settings)

    def build_llm(self) -> LLM:
        return self._answers


@pytest.fixture
def extractor_of(tmp_path):
    """Return a function that makes an extractor; all of a test share one journal."""
    with contextlib.ExitStack() as stack:

        def make(faults=lambda number, prompt: None, *, delay=0.0, **settings):
            made = ByRuleExtractor(
                settings=OpenAISettings(**{**BASE, **settings}).model_dump_json(),
                journal_path=str(tmp_path / "requests.sqlite"),
            )
            made._answers = ByRule(faults, delay)
            stack.callback(made.close)
            return made

        yield make


def documents(n_documents, *, start=0, **more):
    numbers = range(start, start + n_documents)
    texts = [document_text(number, **more) for number in numbers]
    return [Document(f"d{n}", text, "s", "f", n) for n, text in zip(numbers, texts, strict=True)]


def extract(extractor, asked, *, payer="a|round-001", run="r", caps=()):
    order = Order(payer=payer, run=run, allowance=Allowance([*caps, *extractor.run_caps(run)]))
    found = list(extractor.extract(asked, order))
    assert order.allowance.held.tokens == 0  # all that was set aside came back
    return found, order.allowance


def rows(tmp_path, columns="outcome"):
    with contextlib.closing(sqlite3.connect(tmp_path / "requests.sqlite")) as journal:
        return journal.execute(f"select {columns} from requests order by id").fetchall()


def no_waiting(monkeypatch):
    monkeypatch.setattr(llm_requests, "_backoff_seconds", lambda n_tries: 0.0)


GARBAGE = Completion("I am sorry.", False, 30, 3)


def test_document_is_refined_before_the_server_reads_another_one(extractor_of):
    """A slot of llama.cpp would have to read the document again."""
    extractor = extractor_of(concurrency=1, refine=True, delay=0.001)
    extract(extractor, documents(4))
    first, second = extractor._answers.chats[::2], extractor._answers.chats[1::2]
    assert len(first) == len(second) == 4
    for begun, ended in zip(first, second, strict=True):
        assert ended[: len(begun)] == begun


def garbage(number):
    return Completion(f"I am sorry, {number}.", False, 30, 3)


def test_document_is_extracted_and_refined_and_says_what_it_took(extractor_of, tmp_path):
    extractor = extractor_of()
    [found], allowance = extract(extractor, documents(1, start=17))
    assert found.status == "pairs"
    assert found.pairs == (
        QAPair("What is the square of the integer 17?", "The square of the integer 17 is 289."),
        QAPair("What is the cube of the integer 17?", "The cube of the integer 17 is 4913."),
    )
    first, second = extractor._answers.chats
    assert second[: len(first)] == first  # the server has read all that
    said, asked = second[len(first) :]
    assert (said["role"], asked["role"]) == ("assistant", "user")
    assert "4913" in said["content"]
    assert found.pairs[1].answer not in asked["content"]
    usage = found.usage
    assert (usage.n_requests, usage.n_tries) == (2, 2)
    assert (
        usage.prompt_tokens
        == usage.paid_prompt_tokens
        == words(" ".join(m["content"] for c in (first, second) for m in c))
    )
    assert usage.cost == pytest.approx((usage.prompt_tokens + 2 * usage.completion_tokens) / 1e6)
    assert allowance.paid.tokens == usage.prompt_tokens + usage.completion_tokens
    assert rows(tmp_path) == [("answered",)] * 2


def test_document_without_pairs_takes_one_request(extractor_of):
    extractor = extractor_of()
    [found], _ = extract(extractor, documents(1, n_pairs=0))
    assert (found.status, found.usage.n_requests) == ("no pairs", 1)


def test_document_of_white_space_is_no_pair_and_no_request(extractor_of):
    extractor = extractor_of()
    [found], _ = extract(extractor, [Document("d", " \n ", "s", "f", 1)])
    assert (found.status, found.usage.n_requests) == ("no pairs", 0)


def test_long_document_is_split_and_its_pairs_come_together_once(extractor_of):
    extractor = extractor_of(chunk_characters=1500, chunk_overlap_characters=300)
    [long] = documents(1, n_pairs=12, size=6000)
    [found], _ = extract(extractor, [long])
    assert len(extractor._answers.prompts) > 6
    assert all(len(prompt) < 6000 for prompt in extractor._answers.prompts)
    assert len(found.pairs) == 12
    assert len({pair.question for pair in found.pairs}) == 12


def test_chunk_that_fails_is_named_and_leaves_the_others(extractor_of):
    def faults(number, prompt):
        if "cube of" in prompt:
            return TryFailedError("HTTP 400: no", outcome="refused", next_step="give up")
        return None

    extractor = extractor_of(faults, chunk_characters=700, chunk_overlap_characters=0)
    [found], _ = extract(extractor, documents(1, n_pairs=4, size=2000))
    assert found.status == "pairs"
    assert 0 < len(found.pairs) < 4
    assert found.reason.startswith("chunk ")
    assert found.reason.endswith("HTTP 400: no")


def test_unusable_reply_is_asked_for_again_and_every_try_is_paid(extractor_of, tmp_path):
    extractor = extractor_of(lambda number, prompt: garbage(number) if number <= 2 else None)
    [found], _ = extract(extractor, documents(1))
    assert found.status == "pairs"
    assert (found.usage.n_requests, found.usage.n_tries) == (2, 4)
    assert rows(tmp_path, "outcome, reason") == [
        *[("unusable", "no JSON in the reply")] * 2,
        *[("answered", None)] * 2,
    ]
    prompts = extractor._answers.prompts
    assert found.usage.prompt_tokens == 2 * 30 + words(prompts[2]) + words(prompts[3])


def test_document_fails_after_so_many_tries_with_the_last_reason(extractor_of):
    extractor = extractor_of(lambda number, prompt: garbage(number), max_tries=3)
    [found], _ = extract(extractor, documents(1))
    assert (found.status, found.reason) == ("failed", "no JSON in the reply")
    assert (found.usage.n_requests, found.usage.n_tries) == (1, 3)


def test_reply_that_comes_back_the_same_is_not_paid_for_a_third_time(extractor_of, tmp_path):
    extractor = extractor_of(lambda number, prompt: GARBAGE, max_tries=5)
    [found], allowance = extract(extractor, documents(1))
    assert (found.status, found.reason) == ("failed", "no JSON in the reply")
    assert found.usage.n_tries == 2
    assert allowance.paid.tokens == 2 * 33
    assert rows(tmp_path) == [("unusable",)] * 2


def test_reply_that_an_earlier_version_could_not_read_is_not_paid_for_again(extractor_of, tmp_path):
    answered = extractor_of(refine=False)
    [first], _ = extract(answered, documents(1))
    with contextlib.closing(sqlite3.connect(tmp_path / "requests.sqlite")) as journal:
        journal.execute(
            "update requests set outcome = 'unusable', reason = 'JSON of another shape'"
        )
        journal.execute("drop index unusable_by_key")  # as in its journal
        journal.commit()
    again = extractor_of(refine=False)
    [found], allowance = extract(again, documents(1))
    assert found.pairs == first.pairs
    assert not again._answers.prompts
    assert allowance.paid.tokens == 0


def test_paid_for_failure_that_has_a_name_counts_as_the_server_says(extractor_of, tmp_path):
    refused = TryFailedError("the model refuses: no", outcome="unusable", next_step="give up")
    extractor = extractor_of(lambda number, prompt: Completion("", False, 30, 3, failure=refused))
    [found], allowance = extract(extractor, documents(1))
    assert (found.status, found.reason, found.usage.n_tries) == ("failed", refused.reason, 1)
    assert allowance.paid.tokens == 33
    assert rows(tmp_path, "outcome, reason") == [("unusable", refused.reason)]


@pytest.mark.parametrize("turn", ["refinement", "judge"])
def test_failed_turn_keeps_what_extraction_gave_with_its_reason(extractor_of, turn):
    settings = {"refine": turn == "refinement", "judge": turn == "judge"}
    extractor = extractor_of(
        lambda number, prompt: GARBAGE if number > 1 else None, max_tries=2, **settings
    )
    [found], _ = extract(extractor, documents(1))
    assert (found.status, found.reason) == ("pairs", f"{turn}: no JSON in the reply")
    assert len(found.pairs) == 2


WHOLE = '{"question": "What is the square of the integer 0?", "answer": "The square of 0 is 0."}'
CUT = Completion(f'{{"pairs": [{WHOLE}, {{"question": "What is the cu', True, 30, 200)


def test_reply_that_was_cut_off_keeps_its_complete_pairs_and_is_paid_for_once(extractor_of):
    for number in range(2):  # from the server, then from the journal
        extractor = extractor_of(lambda number, prompt: CUT, refine=False)
        [found], allowance = extract(extractor, documents(1))
        assert (found.status, found.reason) == ("pairs", "reply cut off at max_reply_tokens")
        assert [pair.answer for pair in found.pairs] == ["The square of 0 is 0."]
        assert found.usage.prompt_tokens + found.usage.completion_tokens == 230
        assert allowance.paid.tokens == (0 if number else 230)


def test_refinement_goes_on_from_the_complete_pairs(extractor_of):
    extractor = extractor_of(lambda number, prompt: CUT if number == 1 else None)
    [found], _ = extract(extractor, documents(1))
    assert found.usage.n_requests == 2
    assert extractor._answers.chats[1][-2]["content"] == f'{{"pairs": [{WHOLE}]}}'
    assert found.reason == "reply cut off at max_reply_tokens"


def test_what_was_cut_off_may_be_whole_at_a_higher_limit_but_not_a_loop(extractor_of):
    short = extractor_of(lambda number, prompt: CUT, refine=False)
    [found], _ = extract(short, documents(1))
    failures = {found.content_hash: found.reason}
    assert short.worth_another_try(failures) == set()
    longer = extractor_of(refine=False, max_reply_tokens=300)
    assert longer.worth_another_try(failures) == {found.content_hash}
    phrase = "The square of the integer is the integer times itself. "
    loop = Completion(f'{{"pairs": [{{"question": "{phrase * 9}', True, 30, 200)
    [found], _ = extract(extractor_of(lambda number, prompt: loop), documents(1, start=5))
    assert found.reason == "reply cut off at max_reply_tokens, going round in a loop"
    assert longer.worth_another_try({found.content_hash: found.reason}) == set()


def test_run_goes_on_if_replies_are_cut_off_but_give_pairs(extractor_of):
    ungrounded = {"refine": False, "quality": {"min_grounding": 0.0}}
    extractor = extractor_of(lambda number, prompt: CUT, **ungrounded)
    found, _ = extract(extractor, documents(60))
    assert [e.status for e in found] == ["pairs"] * 60


def test_reply_that_was_cut_off_is_not_tried_again(extractor_of):
    extractor = extractor_of(max_tries=5)
    [found], _ = extract(extractor, [Document("d", f"{document_text(1)}\nLONG\n", "s", "f", 1)])
    assert (found.status, found.reason) == ("failed", "reply cut off at max_reply_tokens")
    assert found.usage.n_tries == 1


def test_reply_that_was_cut_off_is_not_paid_for_again_unless_the_user_says_so(extractor_of):
    cut = Completion("{", True, 30, 200)
    [first], _ = extract(extractor_of(lambda number, prompt: cut), documents(1))
    killed_since = extractor_of()  # the journal has it, the store has not
    [found], allowance = extract(killed_since, documents(1))
    assert killed_since._answers.prompts == []
    assert (found.status, found.reason) == ("failed", first.reason)
    assert found.usage.n_tries == 1
    assert found.usage.prompt_tokens + found.usage.completion_tokens == 230
    assert allowance.paid.tokens == 0
    asked = Order(payer="a|retry", run="r", allowance=Allowance(), is_again=True)
    [mended] = extractor_of().extract(documents(1), asked)
    assert mended.status == "pairs"
    longer = extractor_of(max_reply_tokens=300)
    [mended], _ = extract(longer, documents(1))
    assert mended.status == "pairs"


def test_waiting_for_a_server_counts_as_no_failed_try(extractor_of):
    busy = TryFailedError("HTTP 429", outcome="refused", next_step="wait")
    extractor = extractor_of(lambda number, prompt: busy if number <= 20 else None, max_tries=1)
    [found], allowance = extract(extractor, documents(1))
    assert found.status == "pairs"
    assert found.usage.n_tries == 22
    # nothing was charged for those
    assert allowance.paid.tokens == found.usage.prompt_tokens + found.usage.completion_tokens


def test_waiting_has_an_end(extractor_of):
    busy = TryFailedError("HTTP 429", outcome="refused", next_step="wait")
    extractor = extractor_of(lambda number, prompt: busy)
    [found], _ = extract(extractor, documents(1))
    assert (found.status, found.reason) == ("failed", "HTTP 429")


def test_lost_request_counts_against_the_budget_at_the_most_it_may_be(
    extractor_of, monkeypatch, tmp_path
):
    no_waiting(monkeypatch)
    lost = TryFailedError("time-out", outcome="lost", next_step="again")
    extractor = extractor_of(lambda number, prompt: lost if number == 1 else None)
    [found], allowance = extract(extractor, documents(1))
    known = found.usage.prompt_tokens + found.usage.completion_tokens
    [most] = [p + c for o, p, c in rows(tmp_path, LOST_COLUMNS) if o == "lost"]
    assert most > 200  # reply tokens, and a token a byte of the prompt
    assert allowance.paid.tokens == known + most
    assert extractor.paid_by("a").tokens == known + most


LOST_COLUMNS = "outcome, prompt_tokens, completion_tokens"


def test_server_that_stays_away_stops_the_run(extractor_of, monkeypatch):
    no_waiting(monkeypatch)
    away = TryFailedError("http://x cannot be reached", outcome="refused", next_step="unreachable")
    extractor = extractor_of(lambda number, prompt: away)
    with pytest.raises(
        ExtractionError, match="http://x cannot be reached; earlier extractions are"
    ):
        extract(extractor, documents(3))
    assert extractor.paid_by("a").tokens == 0


def test_run_stops_where_nothing_is_answered_any_more(extractor_of, tmp_path):
    broken = TryFailedError("HTTP 400: no", outcome="refused", next_step="give up")
    extractor = extractor_of(lambda number, prompt: broken if number > 20 else None, concurrency=4)
    with pytest.raises(ExtractionError, match="50 requests in a row failed, the last with: HTTP"):
        extract(extractor, documents(500))
    assert len(extractor._answers.prompts) <= 20 + 50 + 4


def test_documents_in_flight_are_bounded_and_as_many_as_allowed(extractor_of):
    extractor = extractor_of(delay=0.01, concurrency=7, refine=False)
    found, _ = extract(extractor, documents(40))
    assert len(found) == 40
    assert extractor._answers.most_at_once == 7


def budget(limit, *, unit="tokens", scope="campaign", used=0.0):
    return Cap(f"campaigns.a.budget_{unit}", scope, unit, limit, used)


@pytest.mark.parametrize("limit", [3_000, 10_000, 40_000])
def test_cap_is_never_exceeded_and_what_has_no_room_is_left_out(
    extractor_of, monkeypatch, tmp_path, limit
):
    no_waiting(monkeypatch)
    lost = TryFailedError("time-out", outcome="lost", next_step="again")
    extractor = extractor_of(lambda number, prompt: lost if number % 5 == 0 else None, delay=0.001)
    asked = documents(200)
    found, allowance = extract(extractor, asked, caps=[budget(limit)])
    assert allowance.paid.tokens <= limit
    assert extractor.paid_by("a").tokens <= limit
    assert len(found) < 200
    assert (limit == 3_000) == (not found)  # a single document may come to more
    assert not [row for row in rows(tmp_path) if row == ("open",)]


def test_cap_is_spent_to_less_than_a_document(extractor_of):
    extractor = extractor_of(refine=False)
    found, allowance = extract(extractor, documents(200), caps=[budget(40_000)])
    most = len(extractor._answers.prompts[0].encode()) + 256 + 200
    assert 40_000 - most - 100 < allowance.paid.tokens <= 40_000
    assert len(found) > 50


def test_money_is_capped_like_tokens(extractor_of):
    extractor = extractor_of()
    found, allowance = extract(extractor, documents(200), caps=[budget(0.02, unit="cost")])
    assert 0 < len(found) < 200
    assert 0.01 < allowance.paid.cost <= 0.02


def test_cap_of_a_run_stops_it_with_what_to_do_and_the_next_run_goes_on(extractor_of):
    extractor = extractor_of(run_tokens=20_000)
    with pytest.raises(
        ExtractionError, match=r"extractor\.run_tokens = 20,000 has no room for the next document"
    ):
        extract(extractor, documents(200))
    paid = extractor.paid_by("a").tokens
    assert 10_000 < paid <= 20_000
    with pytest.raises(ExtractionError, match="run_tokens"):
        extract(extractor, documents(200))  # the same run has nothing left
    assert extractor.paid_by("a").tokens == paid
    with pytest.raises(ExtractionError, match="run_tokens"):
        extract(extractor, documents(200), run="another")
    assert paid + 10_000 < extractor.paid_by("a").tokens <= 40_000


def test_documents_that_a_run_sends_are_capped(extractor_of):
    extract(extractor_of(), documents(5), run="before")
    extractor = extractor_of(run_documents=12)
    with pytest.raises(ExtractionError, match=r"extractor\.run_documents = 12 has no room"):
        extract(extractor, documents(40))  # five of them are answered before: nothing is sent
    spoken = [m["content"] for chat in extractor._answers.chats for m in chat]
    sent = {text for text in spoken if "a patient reader can find out" in text}
    assert len(sent) == 12


def test_answered_request_is_not_sent_again_and_not_paid_again(extractor_of):
    extract(extractor_of(), documents(5))
    again = extractor_of()
    found, allowance = extract(again, documents(5))
    assert not again._answers.prompts
    assert allowance.paid.tokens == allowance.asked.tokens == 0  # in the caps of `a` already
    assert all(e.usage.paid_prompt_tokens == e.usage.prompt_tokens > 0 for e in found)


def test_what_another_campaign_has_paid_is_asked_for_and_not_paid(extractor_of):
    extract(extractor_of(), documents(5))
    other = extractor_of()
    found, allowance = extract(other, documents(5), payer="b|round-001")
    assert not other._answers.prompts
    assert allowance.paid.tokens == 0
    assert allowance.asked.tokens == sum(
        e.usage.prompt_tokens + e.usage.completion_tokens for e in found
    )
    assert all(e.usage.paid_prompt_tokens == 0 for e in found)
    assert other.paid_by("b").tokens == 0


def test_what_was_answered_by_another_counts_against_the_cap_of_who_asks(extractor_of):
    extract(extractor_of(), documents(50))
    other = extractor_of()
    found, allowance = extract(other, documents(50), payer="b|round-001", caps=[budget(15_000)])
    assert 0 < len(found) < 50
    assert allowance.asked.tokens <= 15_000


@pytest.mark.parametrize(
    ("changed", "n_sent"),
    [
        ({"model": "another"}, 6),
        ({"temperature": 0.5}, 6),
        ({"max_pairs": 7}, 6),  # stands in prompt and schema
        ({"prompt_price": 9.0}, 0),
        ({"parameters": 72e9}, 0),
        ({"concurrency": 2}, 0),
        ({"max_tries": 1}, 0),
        ({"judge": True}, 3),  # what it adds
        ({"quality": {"min_grounding": 0.9}}, 0),
        ({"refine": False}, 0),
    ],
)
def test_what_changes_requests_sends_them_again_and_nothing_else_does(
    extractor_of, changed, n_sent
):
    extract(extractor_of(), documents(3))
    other = extractor_of(**changed)
    found, _ = extract(other, documents(3))
    assert len(other._answers.prompts) == n_sent
    assert all(e.status == "pairs" for e in found)


def test_changed_prompt_sends_everything_again(extractor_of, tmp_path):
    extract(extractor_of(), documents(3))
    template = tmp_path / "mine.txt"
    template.write_text("Find pairs in\n<document>\n$document\n</document>\n")
    other = extractor_of(prompts={"extract": str(template)}, refine=False)
    assert other.fingerprint != extractor_of(refine=False).fingerprint
    extract(other, documents(3))
    assert [p.split("\n")[0] for p in other._answers.prompts] == ["Find pairs in"] * 3


def test_prompt_that_is_edited_while_it_is_in_use_stays_as_it_was(extractor_of, tmp_path):
    template = tmp_path / "mine.txt"
    template.write_text("First.\n<document>\n$document\n</document>\n")
    extractor = extractor_of(prompts={"extract": str(template)}, refine=False)
    before = extractor.fingerprint
    template.write_text("Second.\n<document>\n$document\n</document>\n")
    extract(extractor, documents(1))
    assert extractor._answers.prompts[0].startswith("First.")
    assert extractor.fingerprint == before


def test_judge_drops_what_it_scores_low_and_says_so(extractor_of):
    text = "Q: What is BAD here? | A: This is a bad one.\nQ: What is good? | A: This one is good."
    extractor = extractor_of(judge=True, quality={"same_language": False})
    [found], _ = extract(extractor, [Document("d", text, "s", "f", 1)])
    assert [pair.question for pair in found.pairs] == ["What is good?"]
    assert [(r.question, r.reason) for r in found.rejected] == [
        ("What is BAD here?", "scored low by the judge: 1")
    ]
    assert found.usage.n_requests == 3


def test_each_request_has_a_seed_of_its_own_and_the_same_again(extractor_of):
    seeds = []
    for _ in range(2):
        extractor = extractor_of(lambda number, prompt: GARBAGE if number == 1 else None, seed=5)
        complete = extractor._answers.complete
        seen = {}

        async def noting(place, messages, schema, *, seed, complete=complete, seen=seen, **more):
            seen.setdefault(json.dumps(messages), []).append(seed)
            return await complete(place, messages, schema, seed=seed, **more)

        extractor._answers.complete = noting
        extract(extractor, documents(4))
        seeds.append(seen)
    first = [seed for tried in seeds[0].values() for seed in tried]
    assert len(set(first)) == len(first) == 9  # a try after an unusable reply gets another
    assert seeds[1] == {}  # answered before


def test_stopped_extraction_leaves_no_request_open(extractor_of, tmp_path):
    extractor = extractor_of(delay=0.2)
    order = Order(payer="a|round-001", run="r", allowance=Allowance())
    stream = extractor.extract(documents(100), order)
    next(stream)
    stream.close()
    outcomes = Counter(outcome for (outcome,) in rows(tmp_path))
    assert outcomes["open"] == 0
    assert outcomes["lost"] > 0  # those in flight: nobody can say what was charged
    assert order.allowance.held.tokens == 0


def read(stream):
    for _ in stream:
        raise RuntimeError("disk full")


def test_error_of_the_reader_stops_what_is_in_flight(extractor_of, tmp_path):
    extractor = extractor_of(delay=0.05)
    order = Order(payer="a|round-001", run="r", allowance=Allowance())
    with pytest.raises(RuntimeError, match="disk full"):
        read(extractor.extract(documents(100), order))
    extractor.close()
    assert ("open",) not in rows(tmp_path)


class KeptTelemetry:
    """Keeps what it is told."""

    def __init__(self):
        self.ended = []

    def tell(self, ended):
        self.ended.append(ended)


def test_telemetry_is_told_of_every_try_but_not_of_an_answer_from_the_journal(
    extractor_of, tmp_path, monkeypatch
):
    telemetry = KeptTelemetry()
    monkeypatch.setattr(llm_requests, "build_telemetry", lambda settings: telemetry)
    no_waiting(monkeypatch)
    refused = TryFailedError("HTTP 500", outcome="refused", next_step="again")
    faults = {1: refused, 2: garbage(2)}
    extractor = extractor_of(lambda number, prompt: faults.get(number), refine=False)
    extract(extractor, documents(1))
    extract(extractor, documents(1), payer="b|round-001")
    assert [told.outcome for told in telemetry.ended] == ["refused", "unusable", "answered"]
    assert [told.outcome for told in telemetry.ended] == [row[0] for row in rows(tmp_path)]
    assert [told.entry for told in telemetry.ended] == [1, 2, 3]
    assert {told.campaign for told in telemetry.ended} == {"a"}
    assert telemetry.ended[0].failure is refused
    assert [told.completion is None for told in telemetry.ended] == [True, False, False]
