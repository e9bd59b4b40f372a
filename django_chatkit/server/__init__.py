"""ChatKit on the site's own server, with OpenAI's server SDK. Needs the extra ``server``.

The SDK takes a second and 100 MB to import, so nothing that Django loads at its start imports it: ``views``,
``uploads``, ``context`` and ``database`` do not, ``store`` and ``attachments`` import its types only, and what imports
all of it is loaded at the first request.
"""
