"""The rules for state variables, the same for the admin, the API and the ``STATE_VARIABLES`` hook.

They are those of ``POST /v1/chatkit/sessions``: at most 64 entries, names of at most 64 characters, values that are
text, whole numbers, numbers or booleans. Three are ours: NUL and lone surrogates are refused, because databases cannot
store them; whole numbers have 64 bits at most; all entries together may take 10 MiB as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MAX_STATE_VARIABLES = 64
MAX_NAME_LENGTH = 64
MAX_TEXT_LENGTH = 10_485_760
MAX_TOTAL_BYTES = 10 * 2**20
MAX_INTEGER = 2**63 - 1


def validate_state_variables(value: object) -> None:
    """Raise one ``ValidationError`` that lists everything wrong with ``value``, each message naming its entry."""
    if not isinstance(value, dict):
        raise ValidationError(_("State variables are an object of names and values."), code="invalid")
    errors = list(_entry_errors(value))
    if len(value) > MAX_STATE_VARIABLES:
        errors.append(
            _("There are %(count)d state variables; OpenAI takes at most %(limit)d.")
            % {"count": len(value), "limit": MAX_STATE_VARIABLES}
        )
    if not errors and len(json.dumps(value)) > MAX_TOTAL_BYTES:
        errors.append(_("All state variables together may take at most 10 MiB as JSON."))
    if errors:
        raise ValidationError(errors, code="invalid")


def validate_names(value: object) -> None:
    """Raise ``ValidationError`` unless ``value`` is a list of different names of state variables."""
    if not isinstance(value, list):
        raise ValidationError(_("The names are a list."), code="invalid")
    errors = [f"{_quoted(name)}: {problem}" for name in value if (problem := _name_problem(name))]
    if not errors and len(set(value)) < len(value):
        errors.append(_("Each name may be listed once."))
    if len(value) > MAX_STATE_VARIABLES:
        errors.append(_("At most %(limit)d names.") % {"limit": MAX_STATE_VARIABLES})
    if errors:
        raise ValidationError(errors, code="invalid")


def _entry_errors(variables: dict[Any, Any]) -> Iterator[str]:
    for name, value in variables.items():
        problem = _name_problem(name) or _value_problem(value)
        if problem:
            yield f"{_quoted(name)}: {problem}"


def _name_problem(name: object) -> str | None:
    if not isinstance(name, str) or not name:
        return _("a name is text of 1 to 64 characters.")
    if len(name) > MAX_NAME_LENGTH:
        return _("a name has at most 64 characters, not %(count)d.") % {"count": len(name)}
    return text_problem(name)


def _value_problem(value: object) -> str | None:
    if isinstance(value, str):
        if len(value) > MAX_TEXT_LENGTH:
            return _("text has at most 10,485,760 characters.")
        return text_problem(value)
    if isinstance(value, float) and not math.isfinite(value):
        return _("a number must be finite: JSON has no NaN and no infinity.")
    if isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        return _("a whole number must fit in 64 bits.")
    if not isinstance(value, bool | int | float):
        return _("a value is text, a whole number, a number, or true or false.")
    return None


def text_problem(text: str) -> str | None:
    """Why databases cannot store the text, or ``None``."""
    if "\0" in text:
        return _("NUL characters are not allowed.")
    try:
        text.encode()
    except UnicodeEncodeError:
        return _("half of a surrogate pair is not a character.")
    return None


def _quoted(name: object) -> str:
    shown = name if isinstance(name, str) else repr(name)
    return "“" + shown[:MAX_NAME_LENGTH].replace("\0", "␀").encode(errors="replace").decode() + "”"
