"""A plugin for the pytest runs of .ci/run: a skipped test fails the run, and the passed ones are counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: An exit status of our own: nothing is gained by running those tests once more.
SKIPPED = 8


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return  # one of several processes: the first one hears of every test
    stats = session.config.pluginmanager.get_plugin("terminalreporter").stats
    if stats.get("skipped"):
        session.exitstatus = SKIPPED
    with Path(os.environ["CI_COUNTS"]).open("a") as counts:
        counts.write(f"{len(stats.get('passed', []))}\n")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("skipped tests: here they are failures", red=True)
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr}")
