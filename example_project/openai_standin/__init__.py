"""A stand-in for OpenAI's ChatKit sessions API: real HTTP, no account, nothing stored. For demos and tests only.

Mount it with ``path("openai/v1/", include("openai_standin.urls"))`` and say in the settings which keys it accepts, and
what each may use::

    OPENAI_STANDIN_KEYS = {
        "sk-demo": {
            "organization": "org-demo",
            "project": "proj_demo",
            "workflows": {"wf_demo": ["1"]},  # workflow ids with their deployed versions
        },
    }

It answers ``POST chatkit/sessions`` and ``POST chatkit/sessions/{id}/cancel``, and refuses what OpenAI refuses.
"""
