"""QA pairs of a docstring: the summary asks, the code of the example sections answers."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from equal_assets.records import QAPair

MAX_BORROWED_STATEMENTS = 30
MAX_INTRODUCTION_CHARACTERS = 160
MAX_OUTPUT_CHARACTERS = 200
MAX_OUTPUT_LINES = 3
MAX_PARAGRAPH_CHARACTERS = 4_000  # of prose that is searched for its sentences
MAX_PHRASE_CHARACTERS = 160
MAX_SUMMARY_CHARACTERS = 500
FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})\s*(?P<language>[\w+.-]*)")


@dataclass(slots=True)
class _Example:
    """Code with the sentence that introduces it, which may be missing."""

    introduction: str
    code: str
    is_setup: bool  # only imports


Block = tuple[Literal["prose", "code"], str]

EXAMPLE_TITLE = re.compile(
    r":?(?:[A-Z][a-z]+ )?(?:examples?|usage)(?: usage)?(?: ?\d{1,2})?:?", re.IGNORECASE
)
COLON_TITLE = re.compile(
    r"(?:args|arguments|attributes|caution|fields|keyword arg(?:ument)?s|keywords|notes?"
    r"|(?:other )?param(?:eter)?s|raises|references|returns?|see also|shape|side effects"
    r"|throws|todo|warnings?|warns|yields?):",
    re.IGNORECASE,
)
FIELD = re.compile(r":[A-Za-z]\w{0,20}(?: [^:]{0,80})?:(?:\s|$)")
RUBRIC = re.compile(r"\.\. rubric::\s*(?P<title>.*)")
UNDERLINE = re.compile(r"([-=~^*+#\"'`])\1{2,}\s*")
DIRECTIVE = re.compile(r"\.\. (?P<name>[\w:-]{1,40})::\s*(?P<argument>.*)")
CODE_DIRECTIVES = ("code-block", "code", "sourcecode", "testcode", "plot", "ipython")
CODE_LANGUAGES = ("", "python", "python3", "py", "py3", "pycon", "ipython", "default")
CONTINUATION = re.compile(r"\.\.\.(?: |$)")
DOCTEST_FLAG = re.compile(r"#\s*x?doctest:.*")
SIGNATURE = re.compile(r"[\w.]{1,80}\(.*\)(?:\s*->.*)?")
NO_SUMMARY = re.compile(r"^\s*(?:>>>|\.\. |```|[-*+] |\d{1,2}[.)] )", re.MULTILINE)
ADDRESS = re.compile(r"\bat (?:0x|\.\.\.)")
SENTENCE_END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\betc)[.!?](?=\s+[A-Z`\"'(\[$]|\s*$)"
)
LIST_MARK = re.compile(r"(?:[-*+]|\(?\d{1,2}[.)])\s+")
TITLED_EXAMPLE = re.compile(r"(?:For )?[Ee]xamples?(?: \d{1,2})?[ :,-]{1,3}\(?(?P<title>.*?)\)?:?")
FINITE_VERB = re.compile(
    r"\S+(?: \S+){0,4} (?:is|are|was|were|can|has|have|will|should|must|may)\b"
)
THIS_FUNCTION = re.compile(r"This (?:\w+ )?(?:class|function|method|module|routine) ")
RETURN_TRUE = re.compile(r"[Rr]eturns? `?[Tt]rue`? (?:if and only if|iff?|when)\b")
OR_FALSE = re.compile(r"[,;.]? (?:(?:and|or|else|otherwise|returns?) )*`?[Ff]alse`?\b.{0,20}$")
SECOND_VERB = re.compile(r"(\b(?:and|or|then) )([a-z]+[^\Ws]s)(?= (?:the|a|an|it|its)\b)")
POINTING = re.compile(
    r"\b(?:above|as such|earlier|preceding|previous|same|these|this)\b|^\w+ (?:it|them)\b",
    re.IGNORECASE,
)
TRAILING_EXAMPLE = re.compile(r"[,;.]? (?:for example|for instance|e\.g\.)$", re.IGNORECASE)
MARKUP = (
    (re.compile(r"\s?\[[#\w]{1,20}\]_"), ""),  # footnotes
    (re.compile(r":math:`([^`]*)`"), r"$\1$"),
    (re.compile(r"(?::\w[\w+.-]{0,20}){1,2}:`~(?:[^`<>]*\.)?([^`.]*)`"), r"`\1`"),
    (re.compile(r"(?::\w[\w+.-]{0,20}){1,2}:`([^`<]*?)\s*<[^`]*>`"), r"\1"),
    (re.compile(r"(?::\w[\w+.-]{0,20}){1,2}:`[.!]?([^`]*)`"), r"`\1`"),
    (re.compile(r"``([^`]*)``"), r"`\1`"),
    (re.compile(r"`~(?:[^`<>]*\.)?([^`.]+)`"), r"`\1`"),
    (re.compile(r"`([^`<]*?)\s*<[^`<>]*>`__?"), r"\1"),
    (re.compile(r"`([^`]*)`__?(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w*])\*\*([^*\s][^*]{0,80})\*\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*\s][^*]{0,80}(?<!\s))\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w|])\|(\w[\w ]{0,40})\|_{0,2}(?![\w|])"), r"\1"),
    (re.compile(r"\\ "), ""),
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Closed classes of words by which a verb phrase is told from a noun phrase.
DETERMINERS = _words(
    "a all an any both each every how if its some the their this these two whether"
)
PLURAL_TAILS = _words(
    "and are as by can do for have in is may must of on or over should that to used when which will"
    " with"
)
NO_VERBS = _words(
    "a after all always an and any are as at because before both but by can class consider each"
    " even every false first for from given has here how however if in instead is it its let like"
    " may most no not note now of on once one only or other over recall same see series similarly"
    " since so some sometimes such suppose that the their then there these they this those thus to"
    " true used usually we what when where whether which while with without you your"
)
# Verbs that summaries use without an article behind them ("Compute eigenvalues").
BARE_VERBS = _words(
    "add apply assert build calculate cast check choose compute construct convert count create"
    " define delete determine display draw ensure evaluate extract fill find fit generate get"
    " implement insert load make obtain parse perform plot print produce read register remove"
    " replace retrieve return run save select solve sort specify update use verify write"
)
# A sentence that begins with one of these introduces nothing to a reader who sees it alone.
BACK_REFERENCES = _words(
    "again also alternatively and but finally furthermore here however it its likewise moreover"
    " next note notice now or otherwise similarly so such that the then these they this those"
    " thus which"
)


def docstring_pairs(text: str, subject: str | None) -> Iterator[QAPair]:
    """Ask what the summary of a docstring states; answer with the code of its examples."""
    lines = inspect.cleandoc(text).split("\n")
    if subject is None and not _looks_like_docstring(lines):
        return
    sections = list(_docstring_sections(lines))
    summary = _summary(sections[0][1])
    question = _question(_first_sentence(summary), subject)
    if question is None:
        return
    bodies = [body for title, body in sections if title and EXAMPLE_TITLE.fullmatch(title)]
    if not bodies and subject is not None:
        bodies = [body for title, body in sections if title is None]
    examples = _examples(block for body in bodies for block in _example_blocks(body))
    codes = list(_complete(examples))
    usable = set(_on_subject([code for code in codes if code and "```" not in code], subject))
    for example, code in zip(examples, codes, strict=True):
        introduction = "" if example.introduction in summary else example.introduction
        asked = question
        if len(examples) > 1 and introduction:
            asked = _narrowed(question, introduction, subject)
        if code in usable:
            parts = (summary, introduction, f"```python\n{code}\n```")
            yield QAPair(asked, "\n\n".join(filter(None, parts)))


def _looks_like_docstring(lines: Sequence[str]) -> bool:
    """Tell a docstring by a summary line, closed by a period and a blank line, and prompts."""
    has_summary = len(lines) > 2 and lines[0].endswith(".") and not lines[1].strip()
    return has_summary and any(line.lstrip().startswith(">>> ") for line in lines)


def _docstring_sections(lines: Sequence[str]) -> Iterator[tuple[str | None, list[str]]]:
    """Split a docstring at its section titles; text under no title has the title ``None``.

    Knows numpydoc (underlined), Google and Sphinx (``Title:`` over an indented body) and rubrics.
    """
    title: str | None = None
    body: list[str] = []
    is_indented = False
    number = 0
    while number < len(lines):
        found, width = _section_title(lines, number)
        is_dedent = is_indented and bool(lines[number].strip()) and not lines[number][0].isspace()
        if found or is_dedent:
            yield title, body
            title, body = found, []
            is_indented = width == 1 and _is_indented(lines, number + 1)
        if not found:
            body.append(lines[number])
        number += width
    yield title, body


def _section_title(lines: Sequence[str], number: int) -> tuple[str | None, int]:
    """Return the section title in a line, or ``None``, and how many lines it takes."""
    line = lines[number].rstrip()
    if not line or line[0].isspace() or line.startswith(">>>"):
        return None, 1
    following = lines[number + 1].rstrip() if number + 1 < len(lines) else ""
    if UNDERLINE.fullmatch(following) and abs(len(following) - len(line)) <= 3:
        return line, 2
    if rubric := RUBRIC.fullmatch(line):
        return rubric["title"].strip(), 1
    if FIELD.match(line) and not EXAMPLE_TITLE.fullmatch(line):
        return line, 1
    name = line.replace("::", ":").strip("*")
    is_example = EXAMPLE_TITLE.fullmatch(name) is not None and (
        name.endswith(":") or line.startswith("**")
    )
    return (name, 1) if is_example or COLON_TITLE.fullmatch(name) else (None, 1)


def _is_indented(lines: Sequence[str], number: int) -> bool:
    """Tell whether the next line that is not blank is indented."""
    indices = range(number, len(lines))
    return next((lines[n][0].isspace() for n in indices if lines[n].strip()), False)


def _summary(lines: Sequence[str]) -> str:
    """Return the first paragraph of prose: no signature, directive, list or example."""
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip()):
        paragraph = paragraph[:MAX_PARAGRAPH_CHARACTERS]
        prose = _plain(NO_SUMMARY.split(paragraph, maxsplit=1)[0])
        if prose and not SIGNATURE.fullmatch(prose) and not paragraph[0].isspace():
            prose = TRAILING_EXAMPLE.sub("", prose.rstrip(" :"))
            prose += "." if prose[-1:].isalnum() else ""
            short = prose if len(prose) <= MAX_SUMMARY_CHARACTERS else _first_sentence(prose)
            return short if len(short) <= MAX_SUMMARY_CHARACTERS else ""
    return ""


def _plain(text: str) -> str:
    """Return reST prose as one line of Markdown."""
    prose = " ".join(text.split())
    for pattern, replacement in MARKUP:
        prose = pattern.sub(replacement, prose)
    return prose.replace("``", "`").strip()


def _first_sentence(text: str) -> str:
    end = SENTENCE_END.search(text)
    return text[: end.end()] if end else text


# Questions from summaries


def _question(sentence: str, subject: str | None) -> str | None:
    """Return the question that a summary sentence answers; ``None`` if there is none to ask."""
    phrase = sentence.partition("::")[0].rstrip(" .!?:;,")
    request = _request(phrase)
    if request and len(request) > MAX_PHRASE_CHARACTERS:
        request = request.partition(",")[0]
    if request and len(request) <= MAX_PHRASE_CHARACTERS:
        return _how(request, subject)
    if subject is None:
        return None
    if not phrase or len(phrase) > MAX_PHRASE_CHARACTERS or not _is_noun_phrase(phrase):
        return f"How do I use `{subject}`?"
    return f"How do I use `{subject}` ({_lowered(phrase)})?"


def _how(request: str, subject: str | None) -> str:
    if subject is None:
        return f"How do I {request} in Python?"
    preposition = "using" if " with " in request else "with"
    return f"How do I {request} {preposition} `{subject}`?"


def _is_noun_phrase(phrase: str) -> bool:
    """Tell a phrase that names something from a sentence with a verb or an opening clause."""
    first = phrase.split(" ", 1)[0].casefold()
    opens_a_clause = first in NO_VERBS and first not in ("a", "an", "the")
    return not (opens_a_clause or FINITE_VERB.match(phrase))


def _request(phrase: str) -> str | None:
    """Return a verb phrase in its base form ("return the sum"); ``None`` for other phrases.

    >>> _request("Returns the sum"), _request("Compute the sum"), _request("Linear regression")
    ('return the sum', 'compute the sum', None)
    """
    phrase = THIS_FUNCTION.sub("", phrase)
    if RETURN_TRUE.match(phrase):
        phrase = OR_FALSE.sub("", RETURN_TRUE.sub("Check if", phrase))
    words = phrase.split(" ")
    adverbs = 1 if words[0].endswith("ly") else 0
    if len(words) < adverbs + 2:
        return None
    verb = _base_form(words[adverbs], words[adverbs + 1].casefold().strip("`,"))
    if verb is None:
        return None
    rest = " ".join(words[adverbs + 1 :])
    if verb != words[adverbs].casefold():
        rest = SECOND_VERB.sub(lambda match: match[1] + _without_s(match[2]), rest)
    return " ".join([*map(str.lower, words[:adverbs]), verb, rest])


def _base_form(word: str, following: str) -> str | None:
    """Return the base form of a word that has, before the following one, the shape of a verb."""
    lowered = word.casefold()
    if not word.isalpha() or word[1:] != lowered[1:] or lowered in NO_VERBS:
        return None
    if lowered in BARE_VERBS and following not in ("of", "for", "which"):
        return lowered
    if lowered.endswith(("ing", "ed", "ss", "us", "is", "ics")):
        return lowered if lowered.endswith("ss") and following in DETERMINERS else None
    has_object = following not in PLURAL_TAILS and not following.endswith(("ed", "ing"))
    if lowered.endswith("s"):
        base = _without_s(lowered)
        return base if has_object or base in BARE_VERBS else None
    if following in DETERMINERS or (lowered.endswith(("ize", "ify")) and has_object):
        return lowered
    return None


def _without_s(verb: str) -> str:
    """Return the base form of a verb in the third person."""
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if verb.endswith(("ches", "shes", "sses", "xes", "zzes", "oes")):
        return verb[:-2]
    return verb[:-1]


def _lowered(phrase: str) -> str:
    """Lower the first letter of a phrase, unless a name or title begins there."""
    first, _, rest = phrase.partition(" ")
    is_name = first[1:] != first[1:].lower() or (rest[:1].isupper() and len(first) > 1)
    is_symbol = len(first) == 1 and first != "A"
    return phrase if is_name or is_symbol else phrase[0].lower() + phrase[1:]


def _narrowed(question: str, introduction: str, subject: str | None) -> str:
    """Return the question with the sentence that introduces one of several examples."""
    phrase = introduction.rstrip(" .!?:;,")
    request = _request(phrase)
    return _how(request, subject) if request else f"{question}\n{phrase}."


# Example code


def _example_blocks(body: Sequence[str]) -> list[Block]:
    """Return prose and code of an example section, in order."""
    lines = textwrap.dedent("\n".join(body)).split("\n")
    blocks = list(_blocks(lines))
    if all(kind == "prose" for kind, _ in blocks):
        code = "\n".join(lines).strip("\n")
        return [("code", code)] if _does_something(code) else blocks
    return blocks


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Split lines into prose paragraphs and Python code; other directives are left out."""
    number = 0
    literal_below: int | None = None  # indentation of the prose that announced code with `::`
    while number < len(lines):
        if not lines[number].strip():
            number += 1
            continue
        indent = _indentation(lines[number])
        stop, blocks = _next_blocks(lines, number, literal_below)
        yield from blocks
        is_announcement = blocks and blocks[-1][0] == "prose" and blocks[-1][1].endswith("::")
        literal_below = indent if is_announcement else None
        number = stop


def _next_blocks(
    lines: Sequence[str], number: int, literal_below: int | None
) -> tuple[int, list[Block]]:
    """Return where the construct that begins in a line stops, and its blocks."""
    line = lines[number]
    indent = _indentation(line)
    if line.lstrip().startswith(">>>"):
        stop = _stop(lines, number, lambda other: not other.strip())
        return stop, [("code", _doctest_code(lines[number:stop]))]
    if fence := FENCE.match(line):
        stop = _stop(lines, number, lambda other: other.strip() == fence["fence"])
        language = fence["language"].casefold()
        inner = lines[number + 1 : stop] if language in CODE_LANGUAGES else []
        return stop + 1, _code_blocks(inner)
    if directive := DIRECTIVE.match(line.strip()):
        stop = _stop(lines, number, lambda other: _is_outside(other, indent))
        return stop, _directive_blocks(directive, lines[number + 1 : stop])
    if literal_below is not None and indent > literal_below:
        stop = _stop(lines, number, lambda other: _is_outside(other, literal_below))
        return stop, _code_blocks(lines[number:stop])
    stop = _stop(lines, number, _ends_prose)
    return stop, [("prose", "\n".join(lines[number:stop]).strip())]


def _stop(lines: Sequence[str], number: int, ends: Callable[[str], bool]) -> int:
    """Return the first line after ``number`` that ends a construct, or the end."""
    return next((n for n in range(number + 1, len(lines)) if ends(lines[n])), len(lines))


def _ends_prose(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith(">>>") or bool(FENCE.match(text) or DIRECTIVE.match(text))


def _is_outside(line: str, indent: int) -> bool:
    return bool(line.strip()) and _indentation(line) <= indent


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _directive_blocks(directive: re.Match[str], body: Sequence[str]) -> list[Block]:
    if directive["name"].rpartition(":")[2] not in CODE_DIRECTIVES:
        return []
    if directive["argument"].casefold() not in CODE_LANGUAGES:
        return []
    options = next((n for n, line in enumerate(body) if not line.strip().startswith(":")), 0)
    return _code_blocks(body[options:])


def _code_blocks(lines: Sequence[str]) -> list[Block]:
    """Return the blocks of lines marked as code; with prompts, prose may come between."""
    lines = textwrap.dedent("\n".join(lines)).strip("\n").split("\n")
    if any(line.lstrip().startswith(">>>") for line in lines):
        return list(_doctest_blocks(lines))
    code = "\n".join(DOCTEST_FLAG.sub("", line).rstrip() for line in lines)
    return [("code", code)] if _does_something(code) else []


def _doctest_blocks(lines: Sequence[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        is_code = lines[number].lstrip().startswith(">>>")
        stop = _stop(lines, number, lambda other: not other.strip())
        part = lines[number:stop]
        yield ("code", _doctest_code(part)) if is_code else ("prose", "\n".join(part).strip())
        number = stop + 1


def _doctest_code(lines: Sequence[str]) -> str:
    r"""Return doctest lines as code, with short expected output as comments.

    >>> _doctest_code([">>> 1 + 1", "2"])
    '1 + 1\n# 2'
    """
    indent = _indentation(lines[0])
    code: list[str] = []
    output: list[str] = []
    for line in lines:
        line = line.lstrip() if line[:indent].strip() else line[indent:]
        is_source = line.startswith(">>>") or (not output and CONTINUATION.match(line))
        if not is_source:
            output.append(DOCTEST_FLAG.sub("", line).rstrip())
            continue
        code += _as_comments(output)
        output = []
        source = DOCTEST_FLAG.sub("", line[3:].removeprefix(" ")).rstrip()
        if source or line.rstrip() == "...":
            code.append(source)
    return "\n".join(code + _as_comments(output)).strip("\n")


def _as_comments(output: Sequence[str]) -> list[str]:
    """Return expected output as comments; nothing for output that is long or differs by run."""
    if output and output[0].startswith("Traceback"):
        output = output[-1:]
    is_long = len(output) > MAX_OUTPUT_LINES or sum(map(len, output)) > MAX_OUTPUT_CHARACTERS
    if is_long or any(ADDRESS.search(line) for line in output):
        return []
    return [f"# {line}".replace("<BLANKLINE>", "").rstrip() for line in output]


def _examples(blocks: Iterable[Block]) -> list[_Example]:
    """Group code with its introduction; code without one of its own continues what precedes it."""
    examples: list[_Example] = []
    introduction = ""
    for kind, text in blocks:
        if kind == "prose":
            introduction = _introduction(text)
            continue
        tree = _parse(text)
        if tree is not None:
            last = examples[-1] if examples else None
            if last and (not introduction or last.is_setup):
                last.code = f"{last.code}\n\n{text}"
                last.introduction = last.introduction or introduction
                last.is_setup = last.is_setup and _only_imports(tree)
            else:
                examples.append(_Example(introduction, text, _only_imports(tree)))
        introduction = ""
    return [example for example in examples if not example.is_setup]


def _introduction(prose: str) -> str:
    """Return the sentence that introduces an example; empty if it only refers back."""
    plain = LIST_MARK.sub("", _plain(prose[-MAX_PARAGRAPH_CHARACTERS:]))
    if plain.endswith(":"):
        plain = TRAILING_EXAMPLE.sub("", plain.rstrip(" :")) + ":"
    if titled := TITLED_EXAMPLE.fullmatch(plain):
        plain = titled["title"][:1].upper() + titled["title"][1:] + ":"
    if len(plain) > MAX_INTRODUCTION_CHARACTERS:
        plain = plain[max((end.end() for end in SENTENCE_END.finditer(plain[:-1])), default=0) :]
    sentence = plain.strip()
    first = sentence.split(" ", 1)[0].strip(",.:`").casefold()
    is_sentence = " " in sentence and not sentence[0].islower()
    refers_back = first in BACK_REFERENCES or POINTING.search(sentence)
    is_short = len(sentence) <= MAX_INTRODUCTION_CHARACTERS
    return sentence if is_sentence and is_short and not refers_back else ""


def _on_subject(codes: Sequence[str], subject: str | None) -> Sequence[str]:
    """Leave out code without the name of the subject, if there is any code that has it."""
    name = (subject or "").rpartition(".")[2]
    return [code for code in codes if name in code] or codes


@dataclass(frozen=True, slots=True)
class _Statement:
    source: str
    defines: frozenset[str]
    uses: frozenset[str]


def _complete(examples: Sequence[_Example]) -> Iterator[str | None]:
    """Yield each example's code after the earlier statements that define what it uses.

    ``None`` for an example that would need too many of them.
    """
    statements: list[_Statement] = []
    needs: list[set[int]] = []  # the statements that define what a statement uses
    latest: dict[str, int] = {}
    for example in examples:
        first = len(statements)
        for statement in _statements(example.code):
            needs.append({latest[name] for name in statement.uses if name in latest})
            latest.update(dict.fromkeys(statement.defines, len(statements)))
            statements.append(statement)
        borrowed = _borrowed(needs, first)
        sources = [statements[number].source for number in sorted(borrowed)]
        is_short = len(sources) <= MAX_BORROWED_STATEMENTS
        yield "\n".join([*sources, example.code]) if is_short else None


def _borrowed(needs: Sequence[set[int]], first: int) -> set[int]:
    """Return the statements before ``first`` that those from there on need; stops at too many."""
    borrowed: set[int] = set()
    open_needs = [number for need in needs[first:] for number in need if number < first]
    while open_needs and len(borrowed) <= MAX_BORROWED_STATEMENTS:
        number = open_needs.pop()
        if number not in borrowed:
            borrowed.add(number)
            open_needs.extend(needs[number])
    return borrowed


def _statements(code: str) -> Iterator[_Statement]:
    """Yield the top-level statements of valid code with the names that they define and use."""
    tree = _parse(code)
    lines = code.split("\n")
    for node in tree.body if tree else []:
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        defines, uses = _names(node)
        yield _Statement("\n".join(lines[start - 1 : node.end_lineno]), defines, uses)


def _names(statement: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a statement defines (or changes a part of), and those it uses."""
    defines: set[str] = set()
    uses: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            (uses if isinstance(node.ctx, ast.Load) else defines).add(node.id)
            if isinstance(statement, ast.AugAssign):
                uses.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name):
                defines.add(node.value.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defines.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defines.add(node.name)
    return frozenset(defines), frozenset(uses)


def _parse(code: str) -> ast.Module | None:
    """Return the syntax tree of code, ``None`` for anything else."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # examples may hold invalid escapes: theirs to keep
        try:
            tree = compile(code, "<example>", "exec", flags=flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None  # the parser's ways to refuse: syntax, null bytes, nesting
    return tree if isinstance(tree, ast.Module) and tree.body else None


def _does_something(code: str) -> bool:
    """Tell code from words that happen to be valid Python."""
    tree = _parse(code)
    active = (ast.Assign, ast.Call, ast.Import, ast.ImportFrom, ast.With, ast.FunctionDef)
    return tree is not None and any(isinstance(node, active) for node in ast.walk(tree))


def _only_imports(tree: ast.Module) -> bool:
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
