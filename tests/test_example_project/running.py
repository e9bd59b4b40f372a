"""The demo's command."""

from __future__ import annotations

import io

from django.core.management import call_command


def demo(*arguments: str, serve: bool = False) -> str:
    out = io.StringIO()
    call_command("demo", *arguments, *([] if serve else ["--no-serve"]), stdout=out)
    return out.getvalue()
