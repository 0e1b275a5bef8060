"""Section `extractor`: who finds the QA pairs in a document, and which are kept."""

from __future__ import annotations

import ipaddress
import os
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from equal_assets import secrets
from equal_assets.algorithms.extraction.prompts import check_template
from equal_assets.errors import SettingsError
from equal_assets.records import CHARACTERS_PER_TOKEN
from equal_assets.settings.contents import content_digest
from equal_assets.settings.section import SettingsSection, base_folder

PROMPTS_FOLDER = Path(__file__).parents[1] / "prompts"

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?", re.ASCII)
"""A model on the hub; what else names one is a path."""

OWN_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
"""How the names of machines in private networks end, if they have more than one part."""

ENDPOINT = "/chat/completions"
SET_ELSEWHERE = frozenset({"model", "temperature", "top_p", "seed", "response_format"})
FIXED_FIELDS = frozenset({"messages", "stream", "n", "max_tokens", "max_completion_tokens"})
"""Fields of a request that other keys decide, or the extraction itself."""

VARIABLE = re.compile(r"\$\{(\w+)\}")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
SECRET_NAME = re.compile(r"authorization|key|token|secret|cookie|password", re.IGNORECASE)
SECRET = re.compile(r"[!-~]+")
PRINTABLE = re.compile(r"[ -~]*")


class StructuralSettings(SettingsSection):
    """The pairs that are laid out in the text; no model."""

    backend: Literal["structural"] = "structural"
    max_pairs: int = Field(20, ge=1, description="pairs kept per document, in document order")

    def identity(self) -> dict[str, Any]:
        """Return what decides the pairs, as JSON values."""
        return self.model_dump(mode="json")


class ReplaySettings(StructuralSettings):
    """The pairs that came with the documents; no model."""

    backend: Literal["replay"] = "replay"  # type: ignore[assignment]


class PromptsSettings(SettingsSection):
    """Template files that replace the packaged ones (``equal_assets/prompts/``).

    A ``refine`` or ``judge`` without ``$document`` goes on with the chat that extracted the pairs.
    """

    extract: str | None = Field(None, description="asks for the pairs of a chunk")
    refine: str | None = Field(None, description="asks to correct and drop them")
    judge: str | None = Field(None, description="asks to score them")
    rate: str | None = Field(None, description="asks for the rating of `llm-scoring`")

    _texts: dict[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("extract", "refine", "judge", "rate")
    @classmethod
    def _usable(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is None:
            return None
        file = base_folder(info) / path
        if not file.is_file():
            raise ValueError(f"no such file (looked in {base_folder(info)})")
        check_template(str(info.field_name), file.read_text(encoding="utf-8"))
        return str(file)

    def template(self, kind: Literal["extract", "refine", "judge", "rate"]) -> str:
        """Return the text of a template as first read."""
        if kind not in self._texts:
            file = getattr(self, kind) or PROMPTS_FOLDER / f"{kind}.txt"
            self._texts[kind] = Path(file).read_text(encoding="utf-8")
        return self._texts[kind]


class QualitySettings(SettingsSection):
    """What a pair must meet to be kept; lengths in characters. Rejected pairs stay on record."""

    min_question_characters: int = Field(10, ge=1, description="shorter: rejected")
    max_question_characters: int = Field(4000, ge=1, description="longer: rejected")
    min_answer_characters: int = Field(1, ge=1, description="shorter: rejected")
    max_answer_characters: int = Field(20_000, ge=1, description="longer: rejected")
    min_grounding: float = Field(
        0.5, ge=0, le=1, description="share of the answer's words that occur in the document"
    )
    numbers: bool = Field(
        True, description="no number in an answer that document, question and calculation lack"
    )
    self_contained: bool = Field(True, description="no question that leans on 'the text above'")
    premises: bool = Field(
        True, description="no question whose numbers, things or symbols stayed in the document"
    )
    steps: bool = Field(
        True, description="no answer that keeps only the result of a worked solution"
    )
    same_language: bool = Field(True, description="as in the document, if both are certain")


class LLMExtractionSettings(SettingsSection):
    """Keys for extraction by any LLM."""

    model: str = Field(min_length=1, description="as the server names it; a folder or hub id")
    max_pairs: int = Field(20, ge=1, le=200, description="pairs kept per document")
    refine: bool | Literal["auto"] = Field(
        "auto",
        description="a second request corrects and drops pairs, as in the paper; auto: no more "
        "once it has changed nothing in 20 documents",
    )
    judge: bool = Field(False, description="a third request scores the pairs from 1 to 5")
    min_score: int = Field(
        3, ge=1, le=5, description="pairs that the judge scores lower are rejected"
    )
    prompts: PromptsSettings = PromptsSettings()
    quality: QualitySettings = QualitySettings()
    chunk_characters: int = Field(12_000, ge=200, description="longer documents are split")
    chunk_overlap_characters: int = Field(400, ge=0, description="shared by neighboring chunks")
    max_reply_tokens: int = Field(
        2048, ge=16, description="a longer reply is cut off; its complete pairs are kept"
    )
    temperature: float | None = Field(
        0.0, ge=0, le=2, description="0: the likeliest reply; null: not sent, as the model has it"
    )
    top_p: float | None = Field(
        1.0,
        gt=0,
        le=1,
        description="probability of the likeliest tokens to draw from; null: not sent",
    )
    seed: int | None = Field(
        0, ge=0, description="each request gets a seed of its own from it; null: none is sent"
    )
    parameters: float | None = Field(
        None,
        ge=1,
        description="of the LLM, for its FLOPs; for a mixture of experts the active ones; null: "
        "unknown, or read from the weights if model is a folder that vLLM loads",
    )
    prompt_price: float = Field(0.0, ge=0, description="money per million prompt tokens")
    completion_price: float = Field(0.0, ge=0, description="money per million completion tokens")
    currency: str = Field(
        "",
        max_length=8,
        description="of the prices, such as EUR; shown wherever money is",
    )
    concurrency: int = Field(64, ge=1, le=8192, description="requests in flight at once")
    max_tries: int = Field(5, ge=1, le=100, description="per request, before its document fails")
    run_documents: int | None = Field(
        None, ge=1, description="cap of the documents that one run sends"
    )
    run_tokens: int | None = Field(None, ge=1, description="cap of the tokens that one run pays")
    run_cost: float | None = Field(None, gt=0, description="cap of what one run pays, in money")

    @model_validator(mode="after")
    def _overlap_is_smaller(self) -> LLMExtractionSettings:
        if self.chunk_overlap_characters >= self.chunk_characters:
            raise ValueError(
                f"chunk_overlap_characters ({self.chunk_overlap_characters}) must be less than "
                f"chunk_characters ({self.chunk_characters})"
            )
        return self

    @model_validator(mode="after")
    def _cost_has_a_price(self) -> LLMExtractionSettings:
        if self.run_cost and not (self.prompt_price or self.completion_price):
            raise ValueError("run_cost needs prompt_price or completion_price")
        return self

    def identity(self) -> dict[str, Any]:
        """Return what decides the pairs, as JSON values; prompts by their text."""
        kept = self.model_dump(mode="json", exclude={"prompts", *PAIRS_DO_NOT_DEPEND_ON})
        return {**kept, "prompts": self.asked()}

    def asked(self) -> dict[str, str]:
        """Return the templates of the requests that a chunk takes at most, by their kind."""
        asked = {"extract": self.prompts.template("extract")}
        if self.refine:
            asked["refine"] = self.prompts.template("refine")
        if self.judge:
            asked["judge"] = self.prompts.template("judge")
        return asked

    def varied(self, *, base: Path, **changed: Any) -> Self:
        """Return the same settings but for some keys, checked as if they were written so.

        Parameters
        ----------
        base : Path
            The folder that paths are relative to.
        **changed
            By key.

        Raises
        ------
        SettingsError
            If a value is not allowed.
        """
        given = {**self.model_dump(exclude_unset=True), **changed}
        try:
            return type(self).model_validate(given, context={"base": base})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, ("extractor", *first["loc"])))
            problem = first["msg"].removeprefix("Value error, ")
            problem = re.sub(r"^\w+ should ", "must ", problem)
            raise SettingsError(f"{key} = {first['input']!r}: {problem}") from error

    def longest_chat(self, characters_per_token: float) -> int:
        """Return the tokens of the longest chunk with all prompts and replies about it."""
        asked = self.asked()
        characters = self.chunk_characters + sum(map(len, asked.values()))
        return round(characters / characters_per_token) + len(asked) * self.max_reply_tokens


class OpenAISettings(LLMExtractionSettings):
    """Any OpenAI-compatible server: vLLM, a cloud, Ollama, llama.cpp."""

    backend: Literal["openai"]
    base_urls: list[str] = Field(
        min_length=1,
        description="the load is spread over them; ${NAME} in one stands for an environment "
        "variable, as in headers",
    )
    api_key_variable: str | None = Field(
        None, min_length=1, description="environment variable that holds the key"
    )
    response_format: Literal["json_schema", "bounded_json_schema", "json_object", "text"] = Field(
        "json_schema",
        description="what the server enforces; bounded: also string lengths, as vLLM does",
    )
    limit_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="the server's name for the limit of a reply"
    )
    timeout_seconds: float = Field(300.0, gt=0, description="of one try")
    stream: bool | Literal["auto"] = Field(
        "auto",
        description="replies are read while they are written, so that one in a loop is stopped; "
        "auto: on servers of your own, which are on this machine or in a private network, and have "
        "no price",
    )
    idempotent: bool = Field(
        False,
        description="the server charges a request once that is sent again with the same "
        "Idempotency-Key header, which some gateways do; a lost request then costs nothing",
    )
    extra_body: dict[str, Any] = Field(
        {},
        description="more fields of each request, such as {reasoning_effort: low}; they decide "
        "the pairs; ${NAME} in a text stands for an environment variable, as in headers",
    )
    headers: dict[str, str] = Field(
        {},
        description="more headers of each request; ${NAME} in a value stands for an environment "
        "variable, which is read when a request is sent and never stored",
    )

    @field_validator("base_urls")
    @classmethod
    def _urls(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not _is_address(VARIABLE.sub("x", url)):
                raise ValueError(f"{url!r} must be a URL, http://... or https://.../v1")
            if (path := url.partition("?")[0].rstrip("/")).endswith(ENDPOINT):
                base = path.removesuffix(ENDPOINT)
                raise ValueError(f"{url!r} must end before {ENDPOINT}; write {base}")
        return urls

    @field_validator("extra_body")
    @classmethod
    def _extra_fields(cls, fields: dict[str, Any]) -> dict[str, Any]:
        for name in fields:
            if name in SET_ELSEWHERE:
                raise ValueError(f"{name} must not be among them; set extractor.{name} instead")
            if name in FIXED_FIELDS:
                raise ValueError(f"{name} must not be among them: replies are read one by one")
        for name, value in _texts_in(fields):
            if secrets.FIELD.fullmatch(name) and not VARIABLE.search(value):
                raise ValueError(_looks_secret(name))
        return fields

    @field_validator("headers")
    @classmethod
    def _header_values(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not HEADER_NAME.fullmatch(name) or not PRINTABLE.fullmatch(value):
                raise ValueError(
                    f"{name!r} must be a header's name with a value of printable ASCII"
                )
            if SECRET_NAME.search(name) and not VARIABLE.search(value):
                raise ValueError(_looks_secret(name))
        return headers

    @model_validator(mode="after")
    def _secrets_are_known(self) -> OpenAISettings:
        for variable in self._variables():
            secrets.know_variable(variable)
        for url in self.base_urls:
            secrets.know_address(url)
        return self

    def identity(self) -> dict[str, Any]:
        """Return what decides the pairs; a field that none has set is not among it."""
        kept = super().identity()
        return kept if self.extra_body else {k: v for k, v in kept.items() if k != "extra_body"}

    def streams_from(self, url: str) -> bool:
        """Say whether a server's replies are read while it writes them."""
        if self.stream != "auto":
            return self.stream
        return not (self.prompt_price or self.completion_price) and _is_own(filled_address(url))

    @property
    def api_key(self) -> str | None:
        """The key, from the environment; it is never stored."""
        if self.api_key_variable is None:
            return None
        return _secret(self.api_key_variable, "extractor.api_key_variable", SECRET)

    def sent_headers(self) -> dict[str, str]:
        """Return the headers with what the environment holds for their variables."""
        return {
            name: _filled(value, f"extractor.headers.{name}")
            for name, value in self.headers.items()
        }

    def sent_body(self) -> dict[str, Any]:
        """Return the further fields with what the environment holds for their variables."""
        return {
            name: _filled(value, f"extractor.extra_body.{name}")
            for name, value in self.extra_body.items()
        }

    def hide(self, text: str) -> str:
        """Return a text in which nothing stands that a server was sent in confidence."""
        sent = secrets.in_environment(*self._variables())
        for url in self.base_urls:
            sent |= secrets.in_address(url)
        return secrets.hide(text, sent)

    def _variables(self) -> list[str]:
        """Return the environment variables with secrets."""
        texts = [*self.base_urls, *self.headers.values()]
        texts += [value for _, value in _texts_in(self.extra_body)]
        named = [found for text in texts for found in VARIABLE.findall(text)]
        return [*filter(None, [self.api_key_variable]), *named]


class VLLMSettings(LLMExtractionSettings):
    """A vLLM engine in the process of the step (extra ``vllm``)."""

    backend: Literal["vllm"]
    concurrency: int = Field(256, ge=1, le=8192, description="requests in the engine at once")
    tensor_parallel_size: int = Field(1, ge=1, description="GPUs that share the model")
    gpu_memory_utilization: float = Field(
        0.85, gt=0, le=1, description="share of the GPU; the embedder needs the rest"
    )
    max_model_len: int | None = Field(None, ge=256, description="tokens; null: as the model says")
    quantization: str | None = Field(
        None, description="awq, gptq, fp8 ...; null: as the model says"
    )
    dtype: str = Field("auto", description="of the weights; auto: as the model says")
    engine: dict[str, Any] = Field({}, description="more arguments of vLLM's AsyncEngineArgs")

    @field_validator("model")
    @classmethod
    def _folder_beside_the_file(cls, model: str, info: ValidationInfo) -> str:
        base = base_folder(info)
        folder = base / Path(model).expanduser()
        is_path = folder.is_dir() or not HUB_ID.fullmatch(model)
        if info.context and "/" in model:  # of a file that is read: what lies beside it is meant
            is_path = is_path or (base / model.partition("/")[0]).is_dir()
        return str(folder) if is_path else model

    def identity(self) -> dict[str, Any]:
        """Return what decides the pairs; a model in a folder by its files, not by its path."""
        kept, folder = super().identity(), Path(self.model)
        if not folder.is_dir():
            return kept
        return {**kept, "model": f"{folder.name} sha256:{content_digest(folder)}"}


class LlamaCppSettings(LLMExtractionSettings):
    """llama.cpp's server in a child of the step (extra ``llama-cpp``): needs no other program."""

    backend: Literal["llama-cpp"]
    model: str = Field(min_length=1, description="a GGUF file, relative to campaigns.yaml")
    concurrency: int = Field(
        4, ge=1, le=256, description="slots: requests at once, each with a context of its own"
    )
    context_tokens: int | None = Field(
        None, ge=256, description="of a slot; null: what a chunk, the prompts and replies need"
    )
    threads: int | None = Field(
        None, ge=1, le=1024, description="that compute; null: as llama.cpp finds right"
    )
    response_format: Literal["json_schema", "json_object", "text"] = Field(
        "json_schema", description="what the server enforces"
    )
    timeout_seconds: float = Field(3600.0, gt=0, description="of one try")
    engine: dict[str, Any] = Field(
        {},
        description="more fields of xllamacpp's CommonParams, such as {n_gpu_layers: 0}; "
        "`a.b` is b in a",
    )

    @field_validator("model")
    @classmethod
    def _file_beside_the_file(cls, model: str, info: ValidationInfo) -> str:
        return str(base_folder(info) / Path(model).expanduser())

    @property
    def slot_tokens(self) -> int:
        """Return the context of a slot: the longest chat of a chunk fits into it."""
        if self.context_tokens is not None:
            return self.context_tokens
        return self.longest_chat(CHARACTERS_PER_TOKEN - 1)

    def identity(self) -> dict[str, Any]:
        """Return what decides the pairs; the model by its content, not by its path."""
        file = Path(self.model)
        return {**super().identity(), "model": f"{file.name} sha256:{content_digest(file)}"}


def _is_address(url: str) -> bool:
    """Say whether a text is the address of a server."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, or brackets
        return False
    return parts.scheme in ("http", "https") and has_host and not set(url) & set(string.whitespace)


def _is_own(url: str) -> bool:
    """Say whether an address is on this machine or in a private network."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(OWN_NAMES)


def _texts_in(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts in a JSON value, each with the name of its field."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for inner, of in value.items():
            yield from _texts_in(of, str(inner))
    elif isinstance(value, list):
        for of in value:
            yield from _texts_in(of, name)


def _filled(value: Any, key: str) -> Any:
    """Return a JSON value with what the environment holds for its variables."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: _secret(found[1], key, PRINTABLE), value)
    if isinstance(value, dict):
        return {name: _filled(of, f"{key}.{name}") for name, of in value.items()}
    return [_filled(of, key) for of in value] if isinstance(value, list) else value


def _looks_secret(name: str) -> str:
    return (
        f"the value of {name!r} looks like a secret: it must name an environment variable; "
        f"write {name}: ${{MY_VARIABLE}}"
    )


def filled_address(url: str) -> str:
    """Return the address of a server with what the environment holds for its variables."""
    return str(_filled(url, "extractor.base_urls"))


def _secret(variable: str, key: str, allowed: re.Pattern[str]) -> str:
    """Return the value of an environment variable that can be sent in a header."""
    value = os.environ.get(variable)
    if not value:
        raise SettingsError(f"{key}: the environment variable {variable} is not set")
    if wrong := _what_is_wrong(value, allowed):
        raise SettingsError(
            f"{key}: the environment variable {variable} {wrong}: it must hold the key alone, in "
            "printable ASCII; set it again (tr -d '\\r\\n' takes line ends out of a file)"
        )
    return value


def _what_is_wrong(value: str, allowed: re.Pattern[str]) -> str | None:
    """Return what of a value no server takes, without the value."""
    names = {"\r": "a carriage return", "\n": "a line break", "\t": "a tab", " ": "a space"}
    if allowed.fullmatch(value):
        return "stands in quotes" if value[0] == value[-1] and value[0] in "'\"" else None
    if value[-1] in names and allowed.fullmatch(value.rstrip()):
        return f"ends in {names[value[-1]]}"
    if value.lower().startswith("bearer "):
        return "begins with the word Bearer, which is added when it is sent"
    found = next((names[c] for c in value if c in names and not allowed.fullmatch(c)), None)
    return f"holds {found or 'a character that is not printable ASCII'}"


PAIRS_DO_NOT_DEPEND_ON = {
    "parameters",
    "prompt_price",
    "completion_price",
    "currency",
    "max_reply_tokens",  # a reply that ended before the limit is the same under another one
    "max_model_len",
    "context_tokens",
    "threads",
    "max_tries",
    "run_documents",
    "run_tokens",
    "run_cost",
    "base_urls",
    "api_key_variable",
    "headers",
    "limit_field",
    "concurrency",
    "timeout_seconds",
    "stream",
    "idempotent",
    "tensor_parallel_size",
    "gpu_memory_utilization",
}
"""Keys of an LLM extractor that may change without extracting again."""

ExtractorSettings = Annotated[
    StructuralSettings | ReplaySettings | OpenAISettings | VLLMSettings | LlamaCppSettings,
    Field(discriminator="backend"),
]
