"""What is no part of an answer: a draft before it, a question of the model's own after it."""

from __future__ import annotations

import re

TAG = r"think|thinking|thought|reasoning|scratchpad"
END = re.compile(rf"</(?:{TAG})>", re.IGNORECASE)
BEGIN = re.compile(rf"<(?:{TAG})>", re.IGNORECASE)
FINAL_CHANNEL = re.compile(
    r"<\|channel\|>final\b[^<]*<\|message\|>|\Aanalysis.*assistantfinal", re.S
)
"""With its tokens, or without, as a decoder that skips special tokens leaves it."""

NEXT_QUESTION = re.compile(
    r"^[\s*#>]*(?:Question|Problem|Q|Exercise|Example)\b[ \t]*\d*[ \t]*[.:]", re.M | re.I
)


def without_draft(output: str) -> str:
    """Return what an output says after its draft; nothing if the draft has no end.

    Examples
    --------
    >>> without_draft("<think>17? No.</think>18")
    '18'
    >>> without_draft("the beginning of the tag was in the prompt </think>18")
    '18'
    """
    for ends in (FINAL_CHANNEL, END):
        if found := list(ends.finditer(output)):
            output = output[found[-1].end() :]
    begun = BEGIN.search(output)
    return output[: begun.start()] if begun else output
