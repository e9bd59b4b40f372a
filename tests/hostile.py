"""A project whose DRF settings would break any API that lets them: everything explodes that is not pinned."""

from __future__ import annotations

from typing import Any


class Explodes:
    """Stands for a class of any kind; making one fails the test."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("A DRF setting of the project has reached the API.")


def explodes(*_args: Any) -> None:
    """Stands for a function of any kind."""
    Explodes()


_CLASS, _FUNCTION = "tests.hostile.Explodes", "tests.hostile.explodes"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": [_CLASS, "rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PARSER_CLASSES": [_CLASS, "rest_framework.parsers.FormParser"],
    "DEFAULT_PERMISSION_CLASSES": [_CLASS],
    "DEFAULT_THROTTLE_CLASSES": [_CLASS],
    "DEFAULT_THROTTLE_RATES": {"anon": "0/day", "user": "0/day"},
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": _CLASS,
    "DEFAULT_METADATA_CLASS": _CLASS,
    "DEFAULT_VERSIONING_CLASS": _CLASS,
    "DEFAULT_VERSION": "v9",
    "ALLOWED_VERSIONS": ["v9"],
    "DEFAULT_PAGINATION_CLASS": _CLASS,
    "PAGE_SIZE": 1,
    "DEFAULT_FILTER_BACKENDS": [_CLASS],
    "DEFAULT_SCHEMA_CLASS": _CLASS,
    "EXCEPTION_HANDLER": _FUNCTION,
    "VIEW_NAME_FUNCTION": _FUNCTION,
    "VIEW_DESCRIPTION_FUNCTION": _FUNCTION,
    "UNAUTHENTICATED_USER": None,
    "NON_FIELD_ERRORS_KEY": "detail",
    "URL_FORMAT_OVERRIDE": "state_variables",
    "DATETIME_FORMAT": "%d",
    "DATE_FORMAT": "%d",
    "UNICODE_JSON": False,
    "COMPACT_JSON": False,
    "STRICT_JSON": False,
    "COERCE_BIGINT_TO_STRING": True,
    "COERCE_DECIMAL_TO_STRING": True,
}
