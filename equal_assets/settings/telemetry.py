"""Which exporters of OpenTelemetry the environment asks for, by its standard variables."""

from __future__ import annotations

import os
from typing import Literal

Signal = Literal["traces", "metrics"]

PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
"""Of OTLP -> name of its exporter among the entry points of installed packages."""

USUAL_PROTOCOL = "http/protobuf"


def telemetry_exporters(signal: Signal) -> list[str]:
    """Return the names of the exporters for traces or metrics; none: nobody wants them.

    They are wanted where ``OTEL_TRACES_EXPORTER`` or ``OTEL_METRICS_EXPORTER`` names some, or
    ``OTEL_EXPORTER_OTLP_ENDPOINT`` an address, also that of one signal, unless
    ``OTEL_SDK_DISABLED`` is ``true``.
    """
    if _said("OTEL_SDK_DISABLED").lower() == "true":
        return []
    named = _said(f"OTEL_{signal.upper()}_EXPORTER")
    if not named and _of_otlp("ENDPOINT", signal):
        named = "otlp"
    names = [name.strip() for name in named.split(",")]
    protocol = _of_otlp("PROTOCOL", signal) or USUAL_PROTOCOL
    of_otlp = PROTOCOLS.get(protocol, protocol)
    return [of_otlp if name == "otlp" else name for name in names if name not in ("", "none")]


def _of_otlp(setting: str, signal: Signal) -> str:
    """Return a variable of one signal, or else of all."""
    return _said(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{setting}") or _said(
        f"OTEL_EXPORTER_OTLP_{setting}"
    )


def _said(variable: str) -> str:
    return os.environ.get(variable, "").strip()
