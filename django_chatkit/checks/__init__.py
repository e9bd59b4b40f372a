"""System checks: what is wrong with the settings, with the project around them and with the workflows.

====  ========================================================================
E001  ``DJANGO_CHATKIT`` is not a dictionary
E002  an unknown setting, or an unknown field of an ``API_KEYS`` entry
E003  a value of the wrong type or out of range (never shown: it may be a key)
E004  a dotted path that cannot be imported
E005  a dotted path or an object that cannot be used there
E006  ``rest_framework`` is not in ``INSTALLED_APPS``
E007  no session middleware, though callers are logged in by session
E008  no authentication middleware, though callers are logged in by session
E009  database, deployment: self-hosted workflows, but no ``DOMAIN_KEY``
W001  no API key, and no agents either
W002  an API key would travel unencrypted
W003  the throttle, or the requests of self-hosted workflows, are counted per process, or not at all
W004  deployment: nobody says how many proxies to trust
W005  database: hosted workflows outlive Agent Builder
W006  database: hosted workflows whose API key the settings do not have
W007  SQLite gives up where self-hosted workflows write at the same time
W008  database: self-hosted workflows, but the extra ``server`` is not installed
W009  database: self-hosted workflows whose agent the settings do not have
====  ========================================================================

What a row of the database is to blame for is a warning: an error would stop ``migrate``, and with it the migration that
would mend the row.
"""

from __future__ import annotations

from .messages import TAG
from .project import check_deployment, check_project
from .values import check_settings
from .workflows import check_domain_key, check_workflows

__all__ = [
    "TAG",
    "check_deployment",
    "check_domain_key",
    "check_project",
    "check_settings",
    "check_workflows",
]
