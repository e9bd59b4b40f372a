"""The guide for operators: its code is run, and answers what it says it answers."""

from __future__ import annotations

import logging
import logging.config
import re
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.signals import session_created, session_failed
from django_chatkit.views.troubles import _TROUBLES

from .behaviours import error, hang_up
from .callers import Browser, a_user, a_workflow, chatkit

GUIDE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.django_db(transaction=True)  # signals are sent when something is committed


def code_of(section: str, number: int = 0) -> str:
    text = GUIDE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number]


@pytest.fixture
def receivers():
    """Receivers that the guide connects are disconnected again."""
    before = [list(signal.receivers) for signal in (session_created, session_failed)]
    yield
    for signal, kept in zip((session_created, session_failed), before, strict=True):
        signal.receivers[:] = kept
        signal.sender_receivers_cache.clear()


@pytest.fixture
def traffic(openai, settings):
    """Three sessions of one workflow, and two failures of two kinds."""

    def make() -> None:
        chatkit(settings, MAX_RETRIES=0)
        a_workflow()
        ada = Browser(a_user())
        for behaviours in ([], [], [], [hang_up], [error(404)]):
            openai.script(*behaviours)
            ada.issue(refresh=True)

    return make


def test_every_code_of_a_failure_is_told() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", GUIDE.split("who can mend it")[1].split("Records of")[0], re.MULTILINE))
    assert told == {row[2] for row in _TROUBLES} | {"error", "storage_failed"}


def test_one_line_for_each_failure(traffic, capsys) -> None:
    logger = logging.getLogger("django_chatkit")
    before = (logger.level, logger.propagate)
    values: dict[str, Any] = {}
    exec(code_of("The log"), values)
    try:
        logging.config.dictConfig(values["LOGGING"])
        traffic()
        logger.warning("Something was left undone.")
    finally:
        logger.handlers.clear()
        logger.setLevel(before[0])
        logger.propagate = before[1]
    cut, refused, undone = capsys.readouterr().err.splitlines()
    assert " ERROR code=upstream_error status=502 request_id=None OpenAI could not be reached" in cut
    assert re.search(r" ERROR code=misconfigured status=503 request_id=req_\w+ OpenAI answered 404", refused)
    assert undone.endswith(" WARNING code=- status=- request_id=- Something was left undone.")


@pytest.mark.services
def test_prometheus(traffic, receivers) -> None:
    from prometheus_client import REGISTRY

    logger = logging.getLogger("django_chatkit")
    before = list(logger.handlers)
    values: dict[str, Any] = {}
    try:
        exec(code_of("Prometheus"), values)
        exec(code_of("Prometheus", 1), values)
        traffic()
        counted = {
            outcome: REGISTRY.get_sample_value(
                "chatkit_session_seconds_count", {"workflow": "support", "outcome": outcome}
            )
            for outcome in ("created", "ChatKitConnectionError", "ChatKitConfigurationRejected")
        }
        codes = {
            code: REGISTRY.get_sample_value("chatkit_failures_total", {"code": code})
            for code in ("upstream_error", "misconfigured")
        }
        spent = REGISTRY.get_sample_value("chatkit_session_seconds_sum", {"workflow": "support", "outcome": "created"})
    finally:
        logger.handlers[:] = before
        REGISTRY.unregister(values["SECONDS"])
        REGISTRY.unregister(values["FAILURES"])
    assert counted == {"created": 3, "ChatKitConnectionError": 1, "ChatKitConfigurationRejected": 1}
    assert codes == {"upstream_error": 1, "misconfigured": 1}
    assert spent > 0


@pytest.mark.services
def test_opentelemetry(traffic, receivers, monkeypatch) -> None:
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    values: dict[str, Any] = {}
    exec(code_of("OpenTelemetry"), values)
    traffic()
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    provider.shutdown()
    counted = {point.attributes.get("error.type", "created"): point.count for point in metric.data.data_points}
    assert (metric.name, metric.unit) == ("chatkit.session.duration", "s")
    assert counted == {"created": 3, "ChatKitConnectionError": 1, "ChatKitConfigurationRejected": 1}
    assert {point.attributes["chatkit.workflow"] for point in metric.data.data_points} == {"support"}
