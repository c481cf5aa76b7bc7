"""What a sentence asks for and how well an event fits, by words and their synonyms. Pure.

"A red jacket" is not "red trousers": a colour beside a garment is looked for in that garment's attribute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log

from guardian.model.event import Event, HappeningKind
from guardian.services.search_time import Span, understand_time

STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "at",
        "in",
        "on",
        "by",
        "to",
        "with",
        "and",
        "or",
        "who",
        "that",
        "was",
        "were",
        "is",
        "are",
        "there",
        "when",
        "did",
        "do",
        "any",
        "all",
        "some",
        "me",
        "my",
        "show",
        "find",
        "wearing",
        "dressed",
        "seen",
        "near",
        "from",
        "came",
        "come",
        "went",
        "go",
        "next",
        "for",
        "it",
        "he",
        "she",
        "they",
    ]
)
_SAME = (
    "person people man men woman women someone somebody anyone anybody human guy lady boy girl child kid visitor stranger",
    "car automobile auto vehicle",
    "truck lorry van",
    "bicycle bike cycle cyclist",
    "motorcycle motorbike",
    "dog puppy hound",
    "cat kitten kitty",
    "bark barking barked barks",
    "smoke_alarm alarm fire smoke",
    "co_alarm alarm carbon monoxide",
    "loud noise bang crash shout sound",
    "grey gray silver",
    "purple violet",
    "beige cream sand",
    "plate licence license registration number",
    "entered enter entering",
    "left leave leaving",
    "loitered loiter loitering lingered lingering waited waiting",
    "crossed cross crossing",
)
SYNONYMS = {word: frozenset(group.split()) for group in reversed(_SAME) for word in group.split()}
GARMENTS = {
    **dict.fromkeys(
        ["jacket", "coat", "shirt", "sweater", "hoodie", "top", "pullover", "blouse", "vest", "t-shirt", "jumper", "anorak"],
        "upper colour",
    ),
    **dict.fromkeys(["trousers", "jeans", "pants", "shorts", "skirt", "leggings"], "lower colour"),
}
WORN = {"upper colour": "wearing a {} jacket", "lower colour": "with {} trousers", "colour": "of {} colour"}
DID = {
    HappeningKind.ENTER: "entered",
    HappeningKind.LEAVE: "left",
    HappeningKind.LOITER: "loitered at",
    HappeningKind.CROSS: "crossed",
}
EXACT = 1.5  # weight of a colour in its garment
_WORD = re.compile(r"[\w'-]+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or the value of an attribute of that name."""

    word: str
    attribute: str = ""

    @property
    def words(self) -> frozenset[str]:
        """The word and its synonyms."""
        return SYNONYMS.get(self.word, frozenset((self.word,)))


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sentence asks for. `cameras`: only these (empty: all). `text`: what is left for an embedder to compare."""

    span: Span | None
    when: str
    cameras: frozenset[str]
    terms: tuple[Term, ...]
    text: str


def understand(sentence: str, now: datetime, cameras: Mapping[str, str]) -> Wish:
    """Read a sentence. `cameras`: names by id."""
    plain = " ".join(sentence.lower().replace("_", " ").split())
    when = understand_time(plain, now)
    rest, named = when.rest, set()
    for camera, name in sorted(cameras.items(), key=lambda item: -len(item[1])):
        for spelled in (name.lower(), camera.replace("_", " ").replace("-", " ")):
            pattern = re.compile(rf"\b{re.escape(spelled)}\b")
            # "car" may be a camera's name and a thing: a label stays a thing
            if spelled and spelled not in SYNONYMS and pattern.search(rest):
                named.add(camera)
                rest = pattern.sub(" ", rest)
    words = [word for word in _WORD.findall(rest) if word not in STOP]
    return Wish(when.span, when.words, frozenset(named), _terms(words), " ".join(words))


def _terms(words: Sequence[str]) -> tuple[Term, ...]:
    terms: list[Term] = []
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else ""
        if word in GARMENTS:
            if at == 0 or (terms and not terms[-1].attribute):
                terms.append(Term(word))
        elif after in GARMENTS:
            terms.append(Term(word, GARMENTS[after]))
        else:
            terms.append(Term(word))
    return tuple(dict.fromkeys(terms))


@dataclass(frozen=True, slots=True)
class Findable:
    """An event as it is searched: its words, its attributes, and a sentence for an embedder."""

    words: frozenset[str]
    attributes: Mapping[str, frozenset[str]]
    sentence: str


def findable(event: Event, camera_name: str) -> Findable:
    """Return what an event is found by."""
    attributes = {one.name: frozenset(_WORD.findall(one.value.lower())) for one in event.attributes}
    label = event.label.lower()
    texts = [label.replace("_", " "), event.sub_label, camera_name, *event.zones]
    texts += [word for one in event.attributes for word in (one.value, one.name)]
    did = list(dict.fromkeys(f"{DID[one.what]} {one.zone}" for one in event.happenings))
    texts += did
    words = frozenset(word for text in texts for word in _WORD.findall(text.lower().replace("_", " "))) | {label}
    told = [WORN.get(one.name, one.name + " {}").format(one.value) for one in event.attributes]
    parts = [label.replace("_", " "), *([event.sub_label] if event.sub_label else []), *told]
    where = " ".join([*event.zones, *did])
    return Findable(words, attributes, f"{' '.join(parts)} at {camera_name} {where}".strip())


def fit(wish: Wish, corpus: Sequence[Findable]) -> tuple[float, ...]:
    """Return how well each event fits the words, 0..1: the share of the words' weight, rare words weighing more."""
    if not wish.terms:
        return tuple(1.0 for _ in corpus)
    hits = [[_hit(term, one) for one in corpus] for term in wish.terms]
    weights = [
        log(1 + (len(corpus) + 1) / (1 + sum(hit > 0 for hit in row))) * (EXACT if term.attribute else 1)
        for term, row in zip(wish.terms, hits, strict=True)
    ]
    whole = sum(weights)
    return tuple(
        sum(weight * row[at] for weight, row in zip(weights, hits, strict=True)) / whole for at in range(len(corpus))
    )


def _hit(term: Term, one: Findable) -> float:
    if term.attribute:
        value = one.attributes.get(term.attribute, frozenset())
        return 1.0 if term.words & value else 0.0
    return 1.0 if term.words & one.words else 0.0
