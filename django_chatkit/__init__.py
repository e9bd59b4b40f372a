"""OpenAI ChatKit for Django: add it to ``INSTALLED_APPS``, set it up in the admin, write one tag."""

__version__ = "0.1.0"
