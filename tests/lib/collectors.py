"""What listens at the other end of metrics and lineage: each speaks its real protocol and remembers."""

from __future__ import annotations

import socket
import threading
from typing import Any

from tests.lib.servers.base import Answer, Request, Server


class StatsdReceiver:
    """A StatsD daemon's ear: lines of `name:value|kind` by UDP (github.com/statsd/statsd, metric types).

    Attributes:
        gauges: Name -> last value.
        kinds: Every kind of line that came.
    """

    def __init__(self) -> None:
        self.gauges: dict[str, float] = {}
        self.kinds: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                packet = self._socket.recv(65535)
            except OSError:
                return
            for line in packet.decode().splitlines():
                name, _, rest = line.partition(":")
                value, kind = rest.split("|")[:2]
                self.kinds.add(kind)
                if kind == "g":
                    self.gauges[name] = float(value)


class OtlpReceiver(Server):
    """An OpenTelemetry collector's OTLP/HTTP receiver: protobuf by POST to /v1/metrics and /v1/traces.

    Attributes:
        gauges: Name of a metric -> last value.
        spans: Names of the spans that came.
    """

    def __init__(self, **given: Any) -> None:
        self.gauges: dict[str, float] = {}
        self.spans: set[str] = set()
        super().__init__(**given)

    def answer(self, request: Request) -> Answer:
        """Take it in."""
        if request.path == "/v1/metrics":
            self._metrics(request.raw)
        elif request.path == "/v1/traces":
            self._traces(request.raw)
        else:
            return Answer(404)
        return Answer(200, b"", {"Content-Type": "application/x-protobuf"})

    def _metrics(self, raw: bytes) -> None:
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        for resource in ExportMetricsServiceRequest.FromString(raw).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.gauge.data_points:
                        self.gauges[metric.name] = point.as_double or float(point.as_int)

    def _traces(self, raw: bytes) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        for resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
            for scope in resource.scope_spans:
                self.spans |= {span.name for span in scope.spans}


class LineageReceiver(Server):
    """A lineage backend: OpenLineage run events, one JSON object a POST to /api/v1/lineage.

    Attributes:
        events: (type, job) of every event.
    """

    def __init__(self, **given: Any) -> None:
        self.events: list[tuple[str, str]] = []
        super().__init__(**given)

    def answer(self, request: Request) -> Answer:
        """Take it in."""
        if request.path != "/api/v1/lineage":
            return Answer(404)
        self.events.append((request.json["eventType"], request.json["job"]["name"]))
        return Answer(201)
