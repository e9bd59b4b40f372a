"""Tests of ``django_chatkit.testing``. ``stranger`` is somebody else's project: its tests run in another process."""

from __future__ import annotations

from django_chatkit.testing.fixtures import chatkit  # noqa: F401

collect_ignore = ["stranger"]
