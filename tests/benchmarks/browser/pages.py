"""The site's pages: the app's tag, OpenAI's starter app, and the least that any page could do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from django_chatkit.conf import conf

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Help</title>%s</head><body><h1>Help</h1>
<main>%s</main></body></html>"""
SCRIPT = '<script src="{{ script }}" async></script>'
#: What both pages without the app send.
FETCH = """fetch("{% url "django_chatkit:session-list" %}", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": "{{ csrf_token }}" },
    body: JSON.stringify({ workflow: "support" }),
  })"""

#: The script is loaded, the component then asks for a secret, and the page then asks for a session.
STARTER = """<openai-chatkit id="chat"></openai-chatkit><script type="module">
  await customElements.whenDefined("openai-chatkit");
  document.getElementById("chat").setOptions({ api: { async getClientSecret(current) {
    if (current) return current;
    const response = await %s;
    const data = await response.json();
    if (!response.ok) throw new Error(data.detail);
    return data.client_secret;
  } } });
</script>"""
#: Both are asked for while the page is being read, and nothing else is there.
TOGETHER = """<openai-chatkit id="chat"></openai-chatkit><script type="module">
  const session = %s.then((response) => response.json());
  await customElements.whenDefined("openai-chatkit");
  document.getElementById("chat").setOptions({ api: { getClientSecret: async () => (await session).client_secret } });
</script>"""

PAGES = {
    "tag": PAGE % ("", '{% load django_chatkit %}{% chatkit "support" %}'),
    "starter": PAGE % (SCRIPT, STARTER % FETCH),
    "together": PAGE % (SCRIPT, TOGETHER % FETCH),
}


def page(request: HttpRequest, name: str) -> HttpResponse:
    template = engines["django"].from_string(PAGES[name])
    return HttpResponse(template.render({"script": conf.SCRIPT_URL}, request))


urlpatterns = [path("chatkit/", include("django_chatkit.urls")), path("<slug:name>/", page)]
