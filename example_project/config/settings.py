"""Settings of the example: a demo for one's own machine, never for a server.

Environment: ``CHATKIT_DEMO_LIVE=1`` uses OpenAI's models and component, with your key, instead of what is in this
folder; ``CHATKIT_DEMO_MODEL`` is the model then; ``CHATKIT_DEMO_PORT`` is the port that the site is served on
(``manage.py demo --port`` sets it); ``CHATKIT_DEMO_DATABASE`` is the path of the SQLite file.
"""

from __future__ import annotations

import logging
import os
from asyncio import CancelledError
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent

# Only "1" goes live: a key that happens to be in the environment must never be used by accident.
CHATKIT_DEMO_LIVE = os.environ.get("CHATKIT_DEMO_LIVE") == "1"
CHATKIT_DEMO_PORT = int(os.environ.get("CHATKIT_DEMO_PORT", "8000"))
CHATKIT_DEMO_WORKFLOW_ID = "wf_demo_support"
# None: what the agents SDK takes by default.
CHATKIT_DEMO_MODEL = os.environ.get("CHATKIT_DEMO_MODEL") or None

DEBUG = True
SECRET_KEY = "django-insecure-public-and-for-this-demo-only"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_chatkit",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shop.context_processors.demo",
            ],
        },
    }
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

DATABASE = Path(
    os.environ.get("CHATKIT_DEMO_DATABASE") or BASE_DIR / ("live.sqlite3" if CHATKIT_DEMO_LIVE else "demo.sqlite3")
)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE,
        "OPTIONS": {
            # Readers and one writer at a time, without "database is locked".
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Requests per minute are counted here. One process serves this site, so its own memory will do.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # What visitors send in the chat. Nothing of it is served but to them.
    "chatkit": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATABASE.with_suffix(".files")},
    },
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "shop:chat"
LOGOUT_REDIRECT_URL = "shop:home"
STATIC_URL = "/static/"
USE_TZ = True
LANGUAGE_CODE = "en"
# Each in its own words. The shop's pages are in English; its chat and the admin speak all of them.
LANGUAGES = [
    ("ar", "العربية"),
    ("de", "Deutsch"),
    ("en", "English"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("pt-br", "Português (Brasil)"),
    ("zh-hans", "简体中文"),
]
TIME_ZONE = "UTC"


def unless_stopped(record: logging.LogRecord) -> bool:
    """Ctrl-C cancels the streams that are still open, which is no reason for a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledError))


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"unless_stopped": {"()": "django.utils.log.CallbackFilter", "callback": unless_stopped}},
    "loggers": {"uvicorn.error": {"filters": ["unless_stopped"]}},
}

DJANGO_CHATKIT: dict[str, Any] = {
    "DEFAULT_WORKFLOW": "support",
    "STATE_VARIABLES": "shop.assistant.state_variables",
    "AGENTS": {"shop-assistant": "shop.agent.ShopAssistant"},
}
if not CHATKIT_DEMO_LIVE:
    INSTALLED_APPS.append("openai_standin")
    DJANGO_CHATKIT |= {
        "API_KEY": "sk-demo-not-a-real-key",
        "BASE_URL": f"http://127.0.0.1:{CHATKIT_DEMO_PORT}/openai/v1",
        "SCRIPT_URL": "/static/openai_standin/chatkit.js",
    }
    OPENAI_STANDIN_KEYS = {
        DJANGO_CHATKIT["API_KEY"]: {
            "organization": "org-demo",
            "project": "proj_demo",
            "workflows": {CHATKIT_DEMO_WORKFLOW_ID: ["1", "2"]},
        }
    }
