"""Settings with the two rivals' apps, at their fastest: without pauses between batches."""

from __future__ import annotations

from tests.benchmarks.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "oauth2_provider", "rest_framework_simplejwt.token_blacklist"]
OAUTH2_PROVIDER = {"CLEAR_EXPIRED_TOKENS_BATCH_INTERVAL": 0, "REFRESH_TOKEN_EXPIRE_SECONDS": 86_400}
