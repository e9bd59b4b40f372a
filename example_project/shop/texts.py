"""What the shop's assistant says and what its cards show, in English and in German."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import translation
from django.utils.formats import date_format, number_format

ENGLISH = {
    # what the local model says
    "about": "Hello! I am the shop's assistant: in this demo a small program on this machine, no language model. I can "
    "look up your orders, cancel one that is still here, and tell you about our teas and how to brew them.",
    "unknown": "I did not understand that. I am a small program on this machine, no language model: ask me where your "
    "parcel is, for your orders, for tea without caffeine, or why a tea turns out bitter.",
    "thanks": "You are welcome. Enjoy your tea!",
    "file": "Thank you. This has arrived and stays with our conversation: {files}.",
    "file_text": "It begins with “{beginning}” and has {count} lines with something in them. More I cannot say: I am a "
    "small program on this machine, no language model.",
    "file_unread": "I cannot look into it: I am a small program on this machine, no language model. One of those would "
    "be given what is in it.",
    "order_packing": "Your order {number} of {ordered} is being packed. It should be with you on {expected}.",
    "order_sent": "Your parcel is on its way: order {number} left us, and should be with you on {expected}. Its "
    "tracking number is {tracking}.",
    "order_delivered": "Your order {number} was delivered on {expected}.",
    "order_cancelled": "Your order {number} of {ordered} is cancelled.",
    "club_delivery": "Delivery costs you nothing: you are in the tea club.",
    "orders": "You have placed {count} orders with us. Choose one to see more of it.",
    "no_orders": "There is no order of yours here.",
    "confirm": "Do you want to cancel order {number}? Please say so on the card.",
    "unknown_order": "There is no order {number} of yours here.",
    "too_late": "Order {number} cannot be cancelled any more.",
    "caffeine_free": "These have no caffeine at all:",
    "bitter": "Bitter tea was brewed too hot or too long. Let the water cool first, and take the leaves out in time:",
    "brewing": "This is how we brew it:",
    "teas": "From our shelves:",
    "tea_price": "- {name}: {price} € for 100 g",
    "tea_brewing": "- {name}: {celsius} °C, {minutes} minutes",
    "shipping": "Delivery is {cost} €, and free in the tea club.",
    "club_shipping": "Delivery is free for you: you are in the tea club.",
    # titles of threads
    "title_cancel": "Cancelling an order",
    "title_orders": "My orders",
    "title_parcel": "Where is my parcel?",
    "title_caffeine": "Tea without caffeine",
    "title_brewing": "Brewing tea",
    "title_teas": "About our teas",
    "title_thanks": "A kind word",
    "title_about": "Hello",
    "title_file": "A file",
    "title_unknown": "A question",
    # on the cards
    "euros": "{amount} €",
    "order": "Order {number}",
    "packing": "being packed",
    "sent": "on its way",
    "delivered": "delivered",
    "cancelled": "cancelled",
    "expected": "Expected on {day}",
    "delivered_on": "Delivered on {day}",
    "ordered": "Ordered on {day}",
    "delivery": "Delivery",
    "total": "Total",
    "tracking": "Tracking number {tracking}",
    "all_orders": "All my orders",
    "cancel": "Cancel this order",
    "really": "Cancel order {number}?",
    "consequence": "It has not left us yet. You get your money back.",
    "yes": "Cancel it",
    "no": "Keep it",
    "done": "Order {number} is cancelled, and your money is on its way back.",
    "kept": "Order {number} stays as it is.",
}
GERMAN = {
    "about": "Hallo! Ich bin der Assistent des Ladens: in dieser Demo ein kleines Programm auf diesem Rechner, kein "
    "Sprachmodell. Ich sehe Bestellungen nach, storniere, was noch hier ist, und weiß, wie man unsere Tees zubereitet.",
    "unknown": "Das habe ich nicht verstanden. Ich bin ein kleines Programm auf diesem Rechner, kein Sprachmodell: "
    "Fragen Sie nach Ihrem Paket, Ihren Bestellungen, Tee ohne Koffein, oder warum ein Tee bitter wird.",
    "thanks": "Gern geschehen. Viel Freude mit dem Tee!",
    "file": "Danke. Das ist angekommen und bleibt bei unserem Gespräch: {files}.",
    "file_text": "Die Datei beginnt mit „{beginning}“ und hat {count} Zeilen, in denen etwas steht. Mehr kann ich "
    "nicht sagen: Ich bin ein kleines Programm auf diesem Rechner, kein Sprachmodell.",
    "file_unread": "Hineinsehen kann ich nicht: Ich bin ein kleines Programm auf diesem Rechner, kein Sprachmodell. "
    "Ein solches bekäme den Inhalt.",
    "order_packing": "Ihre Bestellung {number} vom {ordered} wird gepackt. Am {expected} sollte sie bei Ihnen sein.",
    "order_sent": "Ihr Paket ist unterwegs: Die Bestellung {number} sollte am {expected} bei Ihnen sein. Die "
    "Sendungsnummer ist {tracking}.",
    "order_delivered": "Ihre Bestellung {number} wurde am {expected} zugestellt.",
    "order_cancelled": "Ihre Bestellung {number} vom {ordered} ist storniert.",
    "club_delivery": "Die Lieferung kostet Sie nichts: Sie sind im Teeclub.",
    "orders": "Sie haben {count} Bestellungen bei uns. Wählen Sie eine aus, um mehr zu sehen.",
    "no_orders": "Hier gibt es keine Bestellung von Ihnen.",
    "confirm": "Möchten Sie die Bestellung {number} stornieren? Bitte antworten Sie auf der Karte.",
    "unknown_order": "Eine Bestellung {number} von Ihnen gibt es hier nicht.",
    "too_late": "Die Bestellung {number} lässt sich nicht mehr stornieren.",
    "caffeine_free": "Diese haben gar kein Koffein:",
    "bitter": "Bitterer Tee war zu heiß oder zog zu lange. Lassen Sie das Wasser etwas abkühlen und nehmen Sie die "
    "Blätter rechtzeitig heraus:",
    "brewing": "So bereiten wir ihn zu:",
    "teas": "Aus unserem Regal:",
    "tea_price": "- {name}: {price} € für 100 g",
    "tea_brewing": "- {name}: {celsius} °C, {minutes} Minuten",
    "shipping": "Die Lieferung kostet {cost} € und ist im Teeclub frei.",
    "club_shipping": "Die Lieferung ist für Sie frei: Sie sind im Teeclub.",
    "title_cancel": "Bestellung stornieren",
    "title_orders": "Meine Bestellungen",
    "title_parcel": "Wo ist mein Paket?",
    "title_caffeine": "Tee ohne Koffein",
    "title_brewing": "Tee zubereiten",
    "title_teas": "Über unsere Tees",
    "title_thanks": "Ein nettes Wort",
    "title_about": "Hallo",
    "title_file": "Eine Datei",
    "title_unknown": "Eine Frage",
    "euros": "{amount} €",
    "order": "Bestellung {number}",
    "packing": "wird gepackt",
    "sent": "unterwegs",
    "delivered": "zugestellt",
    "cancelled": "storniert",
    "expected": "Erwartet am {day}",
    "delivered_on": "Zugestellt am {day}",
    "ordered": "Bestellt am {day}",
    "delivery": "Lieferung",
    "total": "Zusammen",
    "tracking": "Sendungsnummer {tracking}",
    "all_orders": "Alle Bestellungen",
    "cancel": "Stornieren",
    "really": "Bestellung {number} stornieren?",
    "consequence": "Sie ist noch hier. Sie bekommen Ihr Geld zurück.",
    "yes": "Stornieren",
    "no": "Behalten",
    "done": "Die Bestellung {number} ist storniert; Ihr Geld ist auf dem Weg zurück.",
    "kept": "Die Bestellung {number} bleibt, wie sie ist.",
}
DAY_FORMATS = {"en": "l, j F", "de": "l, j. F"}
GERMAN_WORDS = r"\b(ich|mein\w*|ist|sind|der|die|das|den|und|wo|wie|welche\w*|habe|tees?|hallo|danke|bitte)\b"


def say(language: str, name: str, /, **values: Any) -> str:
    """The text of this name with ``values`` in it: days are written out, amounts have two decimal places."""
    base = "de" if language.split("-")[0] == "de" else "en"
    texts = GERMAN if base == "de" else ENGLISH
    with translation.override(base):
        return texts[name].format(**{key: shown(value, DAY_FORMATS[base]) for key, value in values.items()})


def shown(value: Any, day_format: str) -> Any:
    """A day or an amount as the active language writes it."""
    if isinstance(value, date):
        return date_format(value, day_format)
    return number_format(value, 2) if isinstance(value, Decimal) else value


def guess_language(text: str) -> str:
    """Which of the two languages this is probably written in."""
    return "de" if re.search(GERMAN_WORDS, text, re.IGNORECASE) else "en"
