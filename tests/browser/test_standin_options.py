"""The stand-in for OpenAI's component refuses what the real one refuses, so that the other tests mean something."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .visitor import Visitor

pytestmark = pytest.mark.browser

TYPES = Path(__file__).parent / "node_modules" / "@openai" / "chatkit" / "types" / "index.d.ts"
HOSTED = "getClientSecret: async () => 'ek_1'"

WRONG_APIS = [
    ("undefined", "api"),
    ("{}", "api"),
    ("{api: {}}", "api"),
    ("{api: {getClientSecret: 'ek_1'}}", "api"),
    (f"{{api: {{{HOSTED}, domainKey: 'local-dev'}}}}", "domainKey"),
    (f"{{api: {{{HOSTED}, url: '/chat/'}}}}", "api"),
    ("{api: {url: '/chat/'}}", "domainKey"),
    ("{api: {url: '/chat/', domainKey: 'local-dev', headers: {}}}", "headers"),
    ("{api: {url: '/chat/', domainKey: 'local-dev', fetch: '/fetch/'}}", "fetch"),
    ("{api: {url: '/chat/', domainKey: 'local-dev', uploadStrategy: {type: 'direct'}}}", "uploadUrl"),
    ("{api: {url: '/chat/', domainKey: 'local-dev'}, composer: {attachments: {enabled: true}}}", "uploadStrategy"),
]
#: Beside an api that is right.
WRONG_OPTIONS = [
    ("height: '600px'", "height"),
    ("locale: 'tlh'", "locale"),
    ("locale: 'de-de'", "locale"),
    ("theme: 'auto'", "theme"),
    ("theme: {colorScheme: 'auto'}", "theme.colorScheme"),
    ("theme: {accent: '#123456'}", "accent"),
    ("theme: {radius: 'square'}", "theme.radius"),
    ("theme: {density: 'tight'}", "theme.density"),
    ("theme: {color: {primary: '#123456'}}", "primary"),
    ("theme: {color: {accent: '#123456'}}", "theme.color.accent"),
    ("theme: {color: {accent: {primary: '#123456'}}}", "theme.color.accent.level"),
    ("theme: {color: {accent: {primary: '#123456', level: 4}}}", "theme.color.accent.level"),
    ("theme: {color: {accent: {primary: '#123456', level: '1'}}}", "theme.color.accent.level"),
    ("theme: {color: {accent: {primary: 123456, level: 1}}}", "theme.color.accent.primary"),
    ("theme: {color: {grayscale: {hue: 400, tint: 1}}}", "theme.color.grayscale.hue"),
    ("theme: {color: {grayscale: {hue: 40, tint: 10}}}", "theme.color.grayscale.tint"),
    ("theme: {color: {surface: {background: '#fff'}}}", "theme.color.surface.foreground"),
    ("theme: {typography: {baseSize: 13}}", "theme.typography.baseSize"),
    ("theme: {typography: {fontSources: [{family: 'Inter'}]}}", "theme.typography.fontSources.0.src"),
    ("frameTitle: 1", "frameTitle"),
    ("initialThread: 1", "initialThread"),
    ("header: 'Help'", "header"),
    ("header: {title: 'Help'}", "header.title"),
    ("header: {title: {text: null}}", "header.title.text"),
    ("header: {leftAction: {icon: 'lightbulb', onClick() {}}}", "header.leftAction.icon"),
    ("history: {enabled: 'no'}", "history.enabled"),
    ("startScreen: {greeting: null}", "startScreen.greeting"),
    ("startScreen: {prompts: {}}", "startScreen.prompts"),
    ("startScreen: {prompts: [{label: 'Hi'}]}", "startScreen.prompts.0.prompt"),
    ("startScreen: {prompts: [{prompt: 'Hi'}]}", "startScreen.prompts.0.label"),
    ("startScreen: {prompts: [{label: 'Hi', prompt: 'Hi', icon: 'teapot'}]}", "startScreen.prompts.0.icon"),
    ("startScreen: {prompts: [{label: 'Hi', prompt: 'Hi', icon: ''}]}", "startScreen.prompts.0.icon"),
    ("startScreen: {prompts: [{label: 'Hi', prompt: 'Hi', icon: null}]}", "startScreen.prompts.0.icon"),
    ("startScreen: {prompts: [{label: 'Hi', prompt: 'Hi', name: 'hi'}]}", "name"),
    ("startScreen: {prompts: [{label: 'Hi', prompt: [{type: 'text', text: 'Hi'}]}]}", "startScreen.prompts.0.prompt"),
    ("composer: {placeholder: 7}", "composer.placeholder"),
    ("composer: {hint: 'Ask'}", "hint"),
    ("composer: {attachments: {enabled: true, maxSize: 0}}", "composer.attachments.maxSize"),
    ("composer: {attachments: {maxSize: 1}}", "composer.attachments.enabled"),
    ("disclaimer: {}", "disclaimer.text"),
    ("disclaimer: 'Small print'", "disclaimer"),
    ("disclaimer: {text: 'Small print', level: 1}", "level"),
    ("threadItemActions: {share: true}", "share"),
    ("onClientTool: {}", "onClientTool"),
]
RIGHT_OPTIONS = [
    "theme: 'dark', initialThread: null, frameTitle: '', locale: 'zh-Hant'",
    "theme: {colorScheme: 'light', radius: 'sharp', density: 'compact', typography: {baseSize: 18}}",
    "theme: {color: {accent: {primary: 'rgb(1 2 3)', level: 0}, grayscale: {hue: 0, tint: 9, shade: -4}}}",
    "header: {enabled: true, title: {enabled: true, text: 'Help'}, rightAction: {icon: 'close', onClick() {}}}",
    "startScreen: {greeting: '', prompts: [{label: 'A', prompt: 'B'}, {label: 'A', prompt: [], icon: 'lucide:cat'}]}",
    "startScreen: {prompts: [{label: 'Hi', prompt: [{type: 'input_tag', text: 'Hi', id: '1'}], icon: 'lightbulb'}]}",
    "composer: {placeholder: '', attachments: {enabled: true, maxSize: {'image/*': 1}, accept: {'image/*': ['.png']}}}",
    "disclaimer: {text: 'Small print', highContrast: true}, thread: {autoScroll: true}, widgets: {onAction() {}}",
]
SET = """(options) => { try { chat.setOptions(options); } catch (error) { return error.message; } return null; }"""


def set_options(standin: Visitor, options: str) -> Any:
    """What ``setOptions`` complains of."""
    return standin.page.evaluate(f"() => ({SET})({options})")


def test_wrong_apis_throw(standin: Visitor) -> None:
    for options, complaint in WRONG_APIS:
        assert complaint in set_options(standin, options), options
    complaints = standin.page.evaluate("seen")
    assert all(complaint in said for (_, complaint), said in zip(WRONG_APIS, complaints, strict=True))


def test_wrong_options_throw(standin: Visitor) -> None:
    said = {options: set_options(standin, f"{{api: {{{HOSTED}}}, {options}}}") for options, _ in WRONG_OPTIONS}
    assert [options for options, complaint in WRONG_OPTIONS if complaint not in (said[options] or "")] == []


def test_right_options_do_not(standin: Visitor) -> None:
    said = {options: set_options(standin, f"{{api: {{{HOSTED}}}, {options}}}") for options in RIGHT_OPTIONS}
    assert said == dict.fromkeys(RIGHT_OPTIONS)
    assert standin.page.evaluate("seen") == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("LOCALES", ["TranslatedLocale", "SupportedLocale"]),
        ("ICONS", ["ChatKitIcon"]),
        ("HEADER_ICONS", ["HeaderIcon"]),
    ],
)
def test_the_words_are_those_of_the_types(ours: str, theirs: list[str], standin: Visitor) -> None:
    modules = "https://cdn.platform.openai.com/deployments/chatkit/words.js"
    found = standin.page.evaluate(f"async () => (await import('{modules}')).{ours}")
    unions = [re.search(rf"export type {name} =(.*?);", TYPES.read_text(), re.DOTALL) for name in theirs]
    assert found == [word for union in unions for word in re.findall(r"'([^']+)'", union[1])]  # type: ignore[index]


def test_options_are_replaced(standin: Visitor) -> None:
    standin.page.evaluate(
        f"chat.setOptions({{api: {{{HOSTED}}}, composer: {{placeholder: 'Ask', attachments: {{enabled: true}}}}}})"
    )
    standin.page.evaluate("document.body.append(chat)")
    standin.page.get_by_role("button", name="Attach a file").wait_for()
    standin.page.evaluate(f"chat.setOptions({{api: {{{HOSTED}}}}})")
    assert standin.page.get_by_placeholder("Message the AI").is_visible()
    assert standin.page.get_by_role("button", name="Attach a file").is_hidden()


def test_the_old_secret_again_is_an_error(standin: Visitor) -> None:
    standin.page.clock.install()
    standin.page.evaluate(f"chat.setOptions({{api: {{{HOSTED}}}}}); document.body.append(chat)")
    standin.page.clock.run_for(10)
    standin.wait_for_chats()
    standin.page.clock.fast_forward("09:31")
    standin.page.wait_for_function("seen.length === 1")
    assert "new secret" in standin.page.evaluate("seen[0]")


def test_once_removed_it_does_not_come_back(standin: Visitor) -> None:
    standin.page.evaluate(f"chat.setOptions({{api: {{{HOSTED}}}}}); document.body.append(chat)")
    standin.wait_for_chats()
    standin.page.evaluate("chat.remove(); document.body.append(chat)")
    assert standin.page.get_by_role("textbox").count() == 0
