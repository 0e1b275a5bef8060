"""Questions that lean on a text, a figure or an example that their reader does not have.

English only: every rule needs English words. A question may point at something it shows itself, in
lines, code, formulas, a quotation or after a colon.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

TEXT = "text|passage|article|excerpt|document|paragraph|section|chapter|lesson"
PICTURE = "figure|diagram|picture|illustration|photo|photograph"
TALE = "story|narrative|poem|essay|tale|fable|dialogue|conversation|transcript"
MATERIAL = "code|snippet|table|example|equation|graph|chart|problem|exercise|image"
READING = f"(?:{TEXT}|{TALE}|page|post|summary|context)"
PAPER = (
    "(?:leaflet|manual|recipe|guide|worksheet|changelog|press release|interview|handout|newsletter"
    "|lecture|tutorial|slide|presentation|review|song|diary|test|exam|quiz)"
)
PERSON = "(?:author|narrator|speaker|writer|reviewer|interviewee|protagonist)"
PLACE = "(?:(?:first|second|third|last|final|opening|next|previous|given|provided|above) )"
NUMBERED = (
    r"(?:[Ee]xercise|[Ss]tep|Problem|Figure|Fig\.?|Table|Equation|Example|[Ss]ection|Chapter"
    r"|[Qq]uestion|Listing"
    r"|Theorem|Lemma|Diagram|Scenario)"
)
SEEN = "(?:as|was|were|is|are) (?:shown|seen|depicted|illustrated|listed|given|defined)"
TOLD = "(?:mentioned|described|discussed|stated|explained|presented|introduced)"
GIVEN = f"(?:{TOLD}|given|provided|listed|found|shown|used|asked)"
TELLS = (
    "(?:say|state|mention|describe|discuss|explain|claim|suggest|show|teach|reach|support|imply"
    "|argue|conclude|present|provide|tell|refer|compare|focus|illustrate|warn|indicate|represent"
    "|depict|recommend|propose|highlight|emphasize|convey|address|cover|solve|talk|list|want|mean"
    "|believe|think|feel|implies)(?:s|es)?"
)
SUBJECT = (
    "(?:idea|topic|purpose|title|theme|point|message|subject|summary|focus|gist|tone|moral"
    "|conclusion|author|goal|takeaway|content)s?"
)
END = r"(?=\s*(?:[?.,!;)]|$))"

ELSEWHERE = (
    rf"according to (?:the|this|that) (?:(?:given|provided|above) )?(?:{READING}|authors?)"
    r"(?! (?:of|object|type|by))",
    rf"according to (?:the|this|that) (?:{PICTURE})(?! of)",
    rf"(?:based (?:up)?on|in the context of) (?:the|this) {PLACE}?{READING}(?! (?:of|by))",
    rf"(?:per|from|information in|{GIVEN} in) (?:the|this) {PLACE}?{READING}{END}",
    rf"(?:the|this) (?:{PICTURE}) (?:above|below)",
    rf"the (?:following|above|preceding|accompanying) (?:{PICTURE}|passage|article|excerpt)",
    rf"in the (?:passage|article|excerpt|{PICTURE})(?! of)",
    rf"(?:in|of|from|by) this (?:section|chapter|lesson|{PICTURE})",
    rf"the (?:given|provided) (?:{PICTURE})",
    rf"the {PLACE}?(?:{READING}|{PERSON}) {TELLS}",
    rf"(?:does|do|did) the {PLACE}?(?:{PICTURE}|{MATERIAL}|scenario) {TELLS}",
    rf"{SUBJECT} of the {PLACE}?{READING}{END}",
    rf"the {PLACE}paragraph{END}",
    rf"{TOLD} (?:earlier|previously|in (?:the|this) {READING})",
    r"(?:information|details?) (?:is|are) (?:given|provided|mentioned|presented)",
)
"""Phrases by which a question leans on a text that is elsewhere."""

SHOWN = (
    rf"(?:the|this) (?:{MATERIAL}|{TEXT}) (?:above|below)",
    rf"the (?:following|above|given|provided) (?:{MATERIAL}|{TEXT})",
    rf"(?:in|of|from|by) this (?:{MATERIAL}|{READING})",
    rf"this (?:{READING})",
    rf"{TOLD} above",
    rf"{SEEN} (?:above|below)(?! (?:a|an|the|zero|\d+))",
    r"which (?:one )?of the following",
    rf"(?:in|from) the (?:example|exercise|problem|snippet|scenario|sentence|equation){END}",
)
"""Phrases that may also point at something the question itself shows."""

ALONE = (
    *SHOWN,
    rf"(?:in question|get here){END}",
    rf"(?:of|in|on|from|to) the {PAPER}{END}",
    rf"the (?:{READING}|{PAPER}) (?:about|have|serve|contain)",
    rf"what (?:is|are) (?:{TOLD}) in",
    rf"(?:the|this) (?:{TALE}|passage|excerpt)(?:{END}| takes? place)",
    rf"in the (?:{TALE})(?! (?:of|by|about))",
    rf"the (?:{PERSON}|main character)(?:{END}|['’]s| in the)",
    rf"the (?:\w+ ){{1,3}}(?:{TOLD}|listed|shown){END}",
)
"""Phrases that a sentence before the question may also explain."""

SHOWS = re.compile(r"\n|`|\$[^$]+\$|:\s*\S")


@cache  # the first time takes longer than to import all else here
def _any_of(*phrases: str) -> re.Pattern[str]:
    together = "|".join(phrases).replace(" ", r"\s+")
    return re.compile(rf"\b(?:{together})(?![\w-])", re.IGNORECASE)


SENTENCES = re.compile(r"[.!?]\s+\S")
NUMBERED_THING = re.compile(
    rf"\b{NUMBERED} \(?\d+(?:\.\d+)*[a-z]?\)?"
    rf"(?:(?=\s*(?:[?.,!;](?:\s|$)|$))|\s+(?:{TELLS}|about|worth)\b)"
)
"""As "Exercise 3", where no work is named that has it."""

WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
NAMED = re.compile(
    r"(?<=[\w,;)] )[A-Z][\w.'’-]+|[\d\"“«=<>(){}\[\]_\\/+*]|\w[.]\w|[a-z][A-Z]|\w-th\b|[^\x00-\x7f]"
)
"""Names within a sentence, numbers, quotations, code, formulas: what gives a question something of
its own to ask about."""


def words_of(listed: str) -> frozenset[str]:
    """Return words that are listed in a text, with spaces between them."""
    return frozenset(listed.split())


ASKING = words_of(
    """
    what which who whom whose when where why how is are was were do does did can could will
    would should must shall may might has have had in on at of for from by with to about after
    before during between and or then if there not much many long far often old big me us
    please
    """
)
DETERMINERS = words_of("the this these those that which what its their his her each all any")
LIGHT = words_of(
    """
    use used uses find show shown mean means happen happens happened call called make made get
    need needed work works print printed prints return returned returns output calculate
    calculated compute computed solve solved determine determined explain describe name list
    define defined tell write give given say said stated be been being it you we i one two
    three four five first second third last next final main same different total correct right
    following new other both obtain obtained represent represents stand stands equal equals
    happening done doing required step key important fix fixed wait
    """
)
GENERIC = words_of(
    """
    number answer result value problem solution function code program method process example
    equation formula theorem proof calculation output input variable question task object item
    sum difference purpose expression statement sentence algorithm snippet table graph chart
    diagram figure image picture sequence line type kind reason information role steps numbers
    answers results values problems solutions functions methods processes examples equations
    formulas theorems variables questions objects items expressions statements lines types
    kinds reasons experiment exercise scenario situation thing things part parts amount error
    issue bug
    """
)
COUNTS = words_of("one two three four five six seven eight nine ten")
SYMBOL = re.compile(r"[b-zBD-QS-Z]")
PRONOUNS = words_of("he she they him her them his their its it")
FORWARD = words_of("to that when if for whether like while with rain raining")
"""What "it" may announce: "is it safe to swim"."""

EMPTY = ASKING | DETERMINERS | LIGHT | PRONOUNS
AUXILIARIES = words_of(
    "is are was were do does did can could will would should must shall may might has have had"
)
SUBJECTS = words_of("he she they")
TIMES = words_of("year month week day century decade time morning evening season")


def dangling_reference(question: str) -> str | None:
    """Return the phrase by which a question leans on a text that its reader does not have.

    Parameters
    ----------
    question : str

    Returns
    -------
    str or None
        The phrase in lower case, ``None`` for a question that stands alone and in other languages
        than English.
    """
    if SHOWS.search(question):
        found = _any_of(*ELSEWHERE).search(question)
    elif SENTENCES.search(question):
        found = _any_of(*ELSEWHERE, *SHOWN).search(question)
    else:
        found = _any_of(*ELSEWHERE, *ALONE).search(question) or _numbered(question)
        if not found:
            return _undefined(question)
    return " ".join(found[0].lower().split()) if found else None


def _numbered(question: str) -> re.Match[str] | None:
    found = NUMBERED_THING.search(question)
    if found is None:
        return None
    rest = question[: found.start()] + question[found.end() :]
    return None if NAMED.search(rest) else found


def _undefined(question: str) -> str | None:
    """Return what a question speaks of without having said what it is."""
    found = [match[0] for match in WORD.finditer(question)]
    words = [word.lower() for word in found]
    if not words or words[0] not in EMPTY:
        return None
    own = next((at for at, word in enumerate(words) if word not in EMPTY), len(words))
    is_named = bool(NAMED.search(question))
    for at in range(own):
        is_subject = words[at] in SUBJECTS and words[at - 1] in AUXILIARIES
        if is_subject or (not is_named and _points(words, at)):
            return words[at]
    return None if is_named else _generic(found)


def _points(words: Sequence[str], at: int) -> bool:
    """Whether a word stands for something that no word before it has named."""
    word, after = words[at], words[at + 1 :]
    if word in ("it", "its"):
        return not FORWARD.intersection(after)
    if word in ("this", "these", "those"):
        return bool(after) and after[0] not in ASKING | TIMES
    return word in PRONOUNS


def _generic(words: Sequence[str]) -> str | None:
    """Return the first thing of a question all of whose things are "the answer" and the like."""
    determined, first = False, None
    for word in words:
        is_symbol = bool(SYMBOL.fullmatch(word))
        if is_symbol or word.lower() in GENERIC:
            if not is_symbol and not determined:
                return None  # "a function", "functions": the thing itself is asked about
            first = first or (word if is_symbol else f"the {word.lower()}")
            determined = False
        elif word.lower() not in EMPTY or (word.lower() in COUNTS and not determined):
            return None
        else:
            determined = word.lower() in DETERMINERS or (determined and word.lower() in LIGHT)
    return first or "nothing is named"
