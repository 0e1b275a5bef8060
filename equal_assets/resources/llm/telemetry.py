"""OpenTelemetry: a span and two metrics for each request to an LLM, if the environment asks.

They follow the semantic conventions of generative AI, and hold no text: not of documents, prompts,
replies, keys, nor of what servers say.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from equal_assets.extras import install_command
from equal_assets.progress import warn
from equal_assets.resources.llm.following import CUT, TIME_OUT
from equal_assets.resources.llm.journal import Outcome
from equal_assets.resources.llm.llm import Completion, TryFailedError
from equal_assets.settings import (
    LlamaCppSettings,
    LLMExtractionSettings,
    OpenAISettings,
    VLLMSettings,
    filled_address,
    telemetry_exporters,
)

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

SCOPE = "equal_assets"
SERVICE = {"service.name": "equal-assets"}
"""Unless ``OTEL_SERVICE_NAME`` or ``OTEL_RESOURCE_ATTRIBUTES`` names another one."""

TOKENS = tuple(4**power for power in range(14))
SECONDS = tuple(0.01 * 2**power for power in range(14))
"""Bounds of the histograms, as the conventions have them."""

PROVIDERS = {
    "anthropic.com": "anthropic",
    "azure.com": "azure.ai.openai",
    "cohere.com": "cohere",
    "deepseek.com": "deepseek",
    "googleapis.com": "gcp.gemini",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "x.ai": "x_ai",
}
"""Ends of hosts -> what the conventions call who answers there; ``openai`` speaks its protocol."""

STATUS = re.compile(r"\bHTTP (\d{3})\b")

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndedRequest:
    """A request to an LLM that has ended.

    Attributes
    ----------
    address : str
        Of the server; empty for an engine in this process.
    campaign : str
        Who pays.
    entry : int
        Its number in the journal.
    outcome : {"answered", "refused", "unusable", "lost"}
    seconds : float
    seed : int or None
        As it was sent.
    completion : Completion or None
    failure : BaseException or None
    """

    address: str
    campaign: str
    entry: int
    outcome: Outcome
    seconds: float
    seed: int | None
    completion: Completion | None
    failure: BaseException | None


class RequestTelemetry:
    """Tells of the requests of one extractor.

    Parameters
    ----------
    settings : LLMExtractionSettings
    traces : TracerProvider
    metrics : MeterProvider
    """

    def __init__(
        self, settings: LLMExtractionSettings, traces: TracerProvider, metrics: MeterProvider
    ) -> None:
        self._settings = settings
        self._model = PurePath(settings.model).name if settings.model[:1] == "/" else settings.model
        self._tracer = traces.get_tracer(SCOPE, version("equal-assets"))
        meter = metrics.get_meter(SCOPE, version("equal-assets"))
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._usage = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )

    def tell(self, ended: EndedRequest) -> None:
        """Tell of a request that ended just now."""
        now = time.time_ns()
        shared = self._shared(ended)
        completion = ended.completion
        read = completion.prompt_tokens if completion else None
        written = completion.completion_tokens if completion else None
        self._span(ended, shared, {"input_tokens": read, "output_tokens": written}, now=now)
        self._duration.record(ended.seconds, shared)
        for kind, n_tokens in (("input", read), ("output", written)):
            if n_tokens is not None:
                self._usage.record(n_tokens, {**shared, "gen_ai.token.type": kind})

    def _span(
        self, ended: EndedRequest, shared: dict[str, Any], used: dict[str, int | None], *, now: int
    ) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        told = {
            "gen_ai.output.type": "json",
            "gen_ai.request.max_tokens": self._settings.max_reply_tokens,
            "gen_ai.request.temperature": self._settings.temperature,
            "gen_ai.request.top_p": self._settings.top_p,
            "gen_ai.request.seed": ended.seed,
            "gen_ai.response.finish_reasons": _finish_reasons(ended.completion),
            **{f"gen_ai.usage.{name}": count for name, count in used.items()},
            "equal_assets.request": ended.entry,
        }
        attributes = shared | {name: value for name, value in told.items() if value is not None}
        span = self._tracer.start_span(
            f"chat {self._model}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=now - round(ended.seconds * 1e9),
        )
        if "error.type" in shared:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=now)

    def _shared(self, ended: EndedRequest) -> dict[str, Any]:
        """Return what spans and metrics both hold."""
        shared: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _provider(self._settings, ended.address),
            "gen_ai.request.model": self._model,
            "equal_assets.campaign": ended.campaign,
            "equal_assets.outcome": ended.outcome,
        }
        if isinstance(self._settings, OpenAISettings):
            server = urlsplit(filled_address(ended.address))
            shared["server.address"] = server.hostname or ""
            shared["server.port"] = server.port or (80 if server.scheme == "http" else 443)
        if failed := _error_type(ended):
            shared["error.type"] = failed
        return shared


def build_telemetry(settings: LLMExtractionSettings) -> RequestTelemetry | None:
    """Return what tells of requests, or None: nothing is imported where nobody asks for it."""
    if not (telemetry_exporters("traces") or telemetry_exporters("metrics")):
        return None
    return RequestTelemetry(settings, *_providers())


@cache
def _providers() -> tuple[TracerProvider, MeterProvider]:
    """Return the providers of this process: those of ``opentelemetry-instrument``, or our own."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    given = trace.get_tracer_provider(), metrics.get_meter_provider()
    if isinstance(given[0], TracerProvider) or isinstance(given[1], MeterProvider):
        return given
    resource = Resource.create().merge(Resource(SERVICE)).merge(OTELResourceDetector().detect())
    readers = [PeriodicExportingMetricReader(made) for made in _exporters("metrics")]
    traces = TracerProvider(resource=resource)
    for exporter in _exporters("traces"):
        traces.add_span_processor(BatchSpanProcessor(exporter))
    return traces, MeterProvider(readers, resource=resource)


def _exporters(signal: Any) -> list[Any]:
    """Return the exporters that the environment names; of one that is missing, warn."""
    made = []
    for name in telemetry_exporters(signal):
        found = [*entry_points(group=f"opentelemetry_{signal}_exporter", name=name)]
        if found:
            made.append(found[0].load()())
        else:
            warn(
                LOG,
                f"OpenTelemetry: no exporter {name} for {signal} is installed, none are sent; "
                f"{install_command('otel')} installs otlp_proto_http",
            )
    return made


def _provider(settings: LLMExtractionSettings, address: str) -> str:
    if isinstance(settings, VLLMSettings):
        return "vllm"
    if isinstance(settings, LlamaCppSettings):
        return "llama_cpp"
    host = f".{urlsplit(filled_address(address)).hostname}"
    return next((name for end, name in PROVIDERS.items() if host.endswith(f".{end}")), "openai")


def _finish_reasons(completion: Completion | None) -> list[str] | None:
    if completion is None or completion.is_left:
        return None
    return ["length" if completion.is_cut_off else "stop"]


def _error_type(ended: EndedRequest) -> str | None:
    """Return a class of failures, as few as there are; a reply that says nothing is none."""
    failure = ended.failure
    if failure is None or ended.outcome == "unusable":
        return None
    if isinstance(failure, TryFailedError) and failure.reason in (TIME_OUT, CUT):
        return "timeout" if failure.reason == TIME_OUT else "connection_cut"
    if isinstance(failure, TryFailedError) and failure.next_step == "unreachable":
        return "unreachable"
    status = STATUS.search(str(failure))
    return status[1] if status else type(failure).__qualname__
