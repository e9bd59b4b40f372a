"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "django-openai-chatkit",
    "Django",
    "djangorestframework",
    "requests",
    "openai",
    "openai-chatkit",
    "uvicorn",
    "gunicorn",
    "fastapi",
    "psycopg",
    "mysqlclient",
    "django-oauth-toolkit",
    "djangorestframework-simplejwt",
    "playwright",
)


def machine() -> dict[str, str | int | None]:
    return {"cpu": _cpu(), "cores": os.cpu_count(), "memory_gib": _memory(), "system": platform.platform()}


def versions() -> dict[str, str]:
    """Of Python, and of the packages that are installed."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    """Linux tells the model, others the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError):
        return None
