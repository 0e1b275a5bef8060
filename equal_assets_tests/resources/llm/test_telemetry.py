"""What OpenTelemetry is told of requests: by its own exporters, which keep what they get."""

import json
import os
import subprocess
import sys

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from equal_assets.errors import ExtractionError
from equal_assets.resources.llm.following import CUT, TIME_OUT
from equal_assets.resources.llm.llm import Completion, TryFailedError
from equal_assets.resources.llm.telemetry import EndedRequest, RequestTelemetry
from equal_assets.settings import LlamaCppSettings, OpenAISettings, VLLMSettings
from equal_assets.settings import telemetry_exporters as exporters

OPENAI = {
    "backend": "openai",
    "base_urls": ["http://127.0.0.1:9/v1"],
    "model": "m",
    "max_reply_tokens": 200,
}
REPLY = Completion("SECRET REPLY", False, 30, 7)
CUT_OFF = Completion("SECRET REPLY", True, 30, 200)


@pytest.fixture
def kept():
    """Return a function that tells of a request; it returns the span and the metrics' points."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(spans))
    metrics = MeterProvider([reader])

    def tell(settings=None, **ended):
        settings = settings or OpenAISettings(**OPENAI)
        told = {
            "address": "http://127.0.0.1:9/v1",
            "campaign": "mine",
            "entry": 4,
            "outcome": "answered",
            "seconds": 1.5,
            "seed": 11,
            "completion": REPLY,
            "failure": None,
        }
        RequestTelemetry(settings, traces, metrics).tell(EndedRequest(**{**told, **ended}))
        [span] = spans.get_finished_spans()
        points = {}
        for metric in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics:
            points[metric.name] = metric.data.data_points
        return span, points

    yield tell
    traces.shutdown()
    metrics.shutdown()


def test_span_follows_the_conventions(kept):
    span, _ = kept()
    assert span.name == "chat m"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert span.end_time - span.start_time == 1_500_000_000
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.output.type": "json",
        "gen_ai.request.max_tokens": 200,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_p": 1.0,
        "gen_ai.request.seed": 11,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 7,
        "server.address": "127.0.0.1",
        "server.port": 9,
        "equal_assets.campaign": "mine",
        "equal_assets.outcome": "answered",
        "equal_assets.request": 4,
    }


def test_tokens_and_seconds_are_histograms_with_the_bounds_of_the_conventions(kept):
    _, points = kept()
    used, [took] = points["gen_ai.client.token.usage"], points["gen_ai.client.operation.duration"]
    assert {point.attributes["gen_ai.token.type"]: point.sum for point in used} == {
        "input": 30,
        "output": 7,
    }
    assert used[0].explicit_bounds[:4] == (1, 4, 16, 64)
    assert used[0].explicit_bounds[-1] == 67108864
    assert (took.count, took.sum) == (1, 1.5)
    assert took.explicit_bounds[0] == 0.01
    assert took.explicit_bounds[-1] == 81.92
    assert "error.type" not in took.attributes


def failed(reason, outcome="refused", next_step="again"):
    return TryFailedError(reason, outcome=outcome, next_step=next_step, said="SECRET WORDS")


@pytest.mark.parametrize(
    ("failure", "outcome", "kind"),
    [
        (failed("HTTP 500"), "refused", "500"),
        (failed("HTTP 400: SECRET WORDS"), "refused", "400"),
        (failed(TIME_OUT), "lost", "timeout"),
        (failed(CUT), "lost", "connection_cut"),
        (failed("SECRET cannot be reached", next_step="unreachable"), "refused", "unreachable"),
        (failed("no completion: SECRET"), "lost", "TryFailedError"),
        (ExtractionError("SECRET refuses the key in SECRET (HTTP 401)"), "refused", "401"),
        (KeyError("SECRET"), "lost", "KeyError"),
    ],
)
def test_failure_is_told_by_its_class_and_no_word_of_the_server(kept, failure, outcome, kind):
    span, points = kept(failure=failure, outcome=outcome, completion=None)
    assert span.attributes["error.type"] == kind
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert not span.events
    assert points["gen_ai.client.operation.duration"][0].attributes["error.type"] == kind
    assert "gen_ai.client.token.usage" not in points  # nobody knows them
    assert "SECRET" not in span.to_json()


def test_reply_that_says_nothing_is_no_error_of_the_server(kept):
    failure = failed("reply cut off", outcome="unusable")
    span, _ = kept(failure=failure, outcome="unusable", completion=CUT_OFF)
    assert "error.type" not in span.attributes
    assert span.attributes["equal_assets.outcome"] == "unusable"
    assert span.attributes["gen_ai.response.finish_reasons"] == ("length",)
    assert "SECRET" not in span.to_json()


def test_server_is_told_without_user_key_and_path(kept, monkeypatch):
    monkeypatch.setenv("GATEWAY", "llm.example.org")
    address = "https://me:SECRET@${GATEWAY}/v1?key=SECRET"
    span, _ = kept(address=address)
    assert span.attributes["server.address"] == "llm.example.org"
    assert span.attributes["server.port"] == 443
    assert "SECRET" not in span.to_json()


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://max.ai/v1", "openai"),
        ("http://127.0.0.1:8000/v1", "openai"),
    ],
)
def test_provider_is_known_by_its_host(kept, address, provider):
    span, _ = kept(address=address)
    assert span.attributes["gen_ai.provider.name"] == provider


@pytest.mark.parametrize(
    ("settings", "provider"),
    [
        (VLLMSettings(backend="vllm", model="/home/me/models/small"), "vllm"),
        (LlamaCppSettings(backend="llama-cpp", model="/home/me/models/small"), "llama_cpp"),
    ],
)
def test_own_model_is_told_without_its_folder_and_has_no_server(kept, settings, provider):
    span, _ = kept(settings, address="http://127.0.0.1:41537")
    assert span.name == "chat small"
    assert span.attributes["gen_ai.provider.name"] == provider
    assert "server.address" not in span.attributes
    assert "/home" not in span.to_json()


@pytest.mark.parametrize(
    ("environment", "traces", "metrics"),
    [
        ({}, [], []),
        ({"OTEL_SERVICE_NAME": "mine"}, [], []),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
            ["otlp_proto_http"],
            ["otlp_proto_http"],
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"},
            ["otlp_proto_http"],
            [],
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_METRICS_EXPORTER": "none"},
            ["otlp_proto_http"],
            [],
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp, console", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            ["otlp_proto_grpc", "console"],
            [],
        ),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "TRUE"}, [], []),
    ],
)
def test_standard_variables_turn_it_on(monkeypatch, environment, traces, metrics):
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (exporters("traces"), exporters("metrics")) == (traces, metrics)


TELL = """
import sys
from equal_assets.resources.llm.llm import Completion
from equal_assets.resources.llm.telemetry import EndedRequest, build_telemetry
from equal_assets.settings import OpenAISettings

settings = OpenAISettings(backend="openai", base_urls=["http://127.0.0.1:9/v1"], model="m")
if telemetry := build_telemetry(settings):
    reply = Completion("", False, 30, 7)
    telemetry.tell(EndedRequest("http://127.0.0.1:9/v1", "a", 4, "answered", 1.5, 11, reply, None))
sys.stderr.write(" ".join(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def told(**variables):
    """Tell of a request in a process of its own, and return what it wrote."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", TELL],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=True,
    )


def test_nothing_is_imported_where_nobody_asks():
    done = told(OTEL_SERVICE_NAME="nightly")
    assert (done.stdout, done.stderr) == ("", "")


def test_process_sends_its_spans_before_it_ends():
    done = told(OTEL_TRACES_EXPORTER="console", OTEL_SERVICE_NAME="nightly")
    span = json.loads(done.stdout)
    assert span["name"] == "chat m"
    assert span["attributes"]["gen_ai.usage.output_tokens"] == 7
    assert span["resource"]["attributes"]["service.name"] == "nightly"


def test_missing_exporter_is_told_and_the_rest_goes_on():
    done = told(OTEL_TRACES_EXPORTER="no_such_exporter,console")
    assert "no exporter no_such_exporter for traces is installed" in done.stderr
    span = json.loads(done.stdout)
    assert span["resource"]["attributes"]["service.name"] == "equal-assets"
