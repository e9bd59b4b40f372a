"""``widget_config``: the workflow's look, the page's keywords over it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import TemplateSyntaxError
from django.utils.translation import gettext_lazy, override

from django_chatkit.models import Workflow
from django_chatkit.widget import KEYWORDS, OPTIONS, widget_config

#: Workflows that are at hand need no query: without the django_db mark, one is an error.
PLAIN = Workflow(slug="support", name="Support", workflow_id="wf_1")
LOOK = Workflow(
    slug="support", layout="floating", color_scheme="dark", accent="#1f7a4d", radius="soft", density="compact",
    greeting="Hello", prompts=[{"label": "Hours", "prompt": "When are you open?"}], placeholder="Ask",
    disclaimer="It may be wrong.", title="Support", frame_title="Support chat",
)  # fmt: skip


def options(**keywords: Any) -> dict[str, Any]:
    told: dict[str, Any] = widget_config(None, PLAIN, **keywords)["options"]
    return told


def test_the_whole_look_is_told() -> None:
    config = widget_config(None, LOOK)
    assert (config["layout"], config["color_scheme"]) == ("floating", "dark")
    assert config["options"] == {
        "locale": "en",
        "theme": {"color": {"accent": {"primary": "#1f7a4d", "level": 1}}, "radius": "soft", "density": "compact"},
        "startScreen": {"greeting": "Hello", "prompts": [{"label": "Hours", "prompt": "When are you open?"}]},
        "composer": {"placeholder": "Ask"},
        "disclaimer": {"text": "It may be wrong."},
        "header": {"title": {"text": "Support"}},
        "frameTitle": "Support chat",
    }


def test_keywords_win_over_the_look_each_for_itself() -> None:
    theme = {"color": {"accent": {"level": 3}}, "density": "spacious"}
    config = widget_config(None, LOOK, layout="page", greeting="Hi", theme=theme, header=False, color_scheme="auto")
    told = config["options"]
    assert (config["layout"], config["color_scheme"]) == ("page", "auto")
    assert told["startScreen"] == {"greeting": "Hi", "prompts": LOOK.prompts}
    assert told["theme"] == {
        "color": {"accent": {"primary": "#1f7a4d", "level": 3}}, "radius": "soft", "density": "spacious",
    }  # fmt: skip
    assert told["header"] == {"enabled": False, "title": {"text": "Support"}}
    assert theme == {"color": {"accent": {"level": 3}}, "density": "spacious"}, "the page's own dictionary was changed"


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_keyword_leaves_the_look_alone(nothing: Any) -> None:
    keywords = dict.fromkeys(OPTIONS, nothing)
    told, look = widget_config(None, LOOK, layout=nothing, **keywords), widget_config(None, LOOK)
    assert (told["options"], told["layout"]) == (look["options"], look["layout"])


def test_the_title_is_what_assistive_technology_calls_a_chat_without_a_name() -> None:
    assert options(title="Support")["frameTitle"] == "Support"
    assert options(title="Support", frame_title="Chat with us")["frameTitle"] == "Chat with us"


@pytest.mark.parametrize(
    ("keywords", "theme"),
    [
        ({"theme": "dark"}, None),
        ({"color_scheme": "dark"}, None),
        ({"theme": {"colorScheme": "dark"}}, None),
        ({"theme": "light", "color_scheme": "dark"}, None),
        ({"theme": {"radius": "soft", "colorScheme": "light"}, "color_scheme": "dark"}, {"radius": "soft"}),
        ({"color_scheme": "dark", "theme": {"radius": "soft"}}, {"radius": "soft"}),
    ],
)
def test_the_colour_scheme_is_the_elements_affair(keywords: Any, theme: Any) -> None:
    config = widget_config(None, PLAIN, **keywords)
    assert (config["color_scheme"], config["options"].get("theme")) == ("dark", theme)


def test_an_accent_gets_the_level_that_chatkit_wants() -> None:
    assert options(accent="#ff0000")["theme"] == {"color": {"accent": {"primary": "#ff0000", "level": 1}}}
    surface = {"color": {"surface": {"background": "#000000", "foreground": "#ffffff"}}}
    assert options(theme=surface)["theme"] == surface


def test_every_keyword_has_its_place() -> None:
    assert {name: ".".join(path) for name, path in OPTIONS.items()} == {
        "locale": "locale",
        "theme": "theme",
        "color_scheme": "theme.colorScheme",
        "accent": "theme.color.accent.primary",
        "radius": "theme.radius",
        "density": "theme.density",
        "frame_title": "frameTitle",
        "initial_thread": "initialThread",
        "header": "header.enabled",
        "title": "header.title.text",
        "history": "history.enabled",
        "greeting": "startScreen.greeting",
        "prompts": "startScreen.prompts",
        "placeholder": "composer.placeholder",
        "disclaimer": "disclaimer.text",
        "feedback": "threadItemActions.feedback",
        "retry": "threadItemActions.retry",
        "auto_scroll": "thread.autoScroll",
    }


def test_keywords_become_options() -> None:
    prompts = [{"label": "Hours", "prompt": "When are you open?", "icon": "clock"}]
    told = options(locale="de", greeting="Hi", prompts=prompts, placeholder="Ask", history=False, auto_scroll=True)
    assert told == {
        "locale": "de",
        "startScreen": {"greeting": "Hi", "prompts": prompts},
        "composer": {"placeholder": "Ask"},
        "history": {"enabled": False},
        "thread": {"autoScroll": True},
    }


def test_lazy_translations_are_texts() -> None:
    assert options(greeting=gettext_lazy("Hello"), locale="de") == {
        "locale": "de",
        "startScreen": {"greeting": "Hello"},
    }


def test_the_locale_is_the_pages_language_unless_it_is_given() -> None:
    with override("pt-br"):
        assert options()["locale"] == "pt-BR"
        assert options(locale="fr")["locale"] == "fr"
    with override(None):
        assert options()["locale"] == "en"


# --- what is refused ---


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("greting", "greeting"), ("colorScheme", "color_scheme"), ("x", "workflow")]
)
def test_an_unknown_keyword_is_refused_with_the_nearest_one(wrong: str, nearest: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=f"{wrong!r}.*{nearest!r}"):
        widget_config(None, PLAIN, **{wrong: "Hi"})
    assert nearest in KEYWORDS


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"layout": "popup"}, "layout is one of inline, floating, page, not 'popup'"),
        ({"color_scheme": "system"}, "color_scheme is one of light, dark, auto, not 'system'"),
        ({"radius": "big"}, "radius is one of pill, round, soft, sharp, not 'big'"),
        ({"density": ["normal"]}, "density is one of compact, normal, spacious, not"),
        ({"theme": "black"}, "color_scheme is one of light, dark, auto, not 'black'"),
        ({"theme": {"radius": "big"}}, "radius is one of"),
        ({"theme": 1}, "theme, its color and its accent are dictionaries"),
        ({"theme": {"color": "red"}}, "not {'color': 'red'}"),
        ({"theme": {"color": {"accent": "red"}}}, "dictionaries as in @openai/chatkit"),
        ({"theme": {"color": None}, "accent": "#ff0000"}, "dictionaries"),
    ],
)
def test_what_the_component_would_refuse_is_refused_with_what_it_takes(keywords: Any, words: str) -> None:
    with pytest.raises(TemplateSyntaxError) as refused:
        widget_config(None, PLAIN, **keywords)
    assert words in str(refused.value)
