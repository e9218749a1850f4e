"""Personal data in texts: where it stands, and the text without it.

Looked for are e-mail and IP addresses, phone numbers, payment cards, bank accounts, identity numbers and addresses on the web
that name an account. Names of people need a model: they are found where a caller hands in what finds them.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from pipeline.data.identity_numbers import find_identity_numbers, is_card, is_iban

Kind = Literal["e-mail", "account", "bank account", "card", "identity number", "ip address", "phone", "name"]
PLACEHOLDERS: dict[Kind, str] = {
    "e-mail": "[E-MAIL]",
    "account": "[ACCOUNT]",
    "bank account": "[IBAN]",
    "card": "[CARD]",
    "identity number": "[ID-NUMBER]",
    "ip address": "[IP-ADDRESS]",
    "phone": "[PHONE]",
    "name": "[NAME]",
}
"""What stands for each kind in a text that is masked."""


class Span(NamedTuple):
    """A piece of personal data in a text, the end exclusive."""

    kind: Kind
    start: int
    end: int


class Names(Protocol):
    """Finds names of people."""

    run: str
    """The run whose model does, as one would type it in a command."""

    def read(self, texts: Sequence[str]) -> None:
        """Look at texts that will be asked about, many at once, which is quicker than one by one."""

    def __call__(self, text: str) -> Sequence[Span]:
        """The names in a text."""


def find(text: str, names: Names | None = None) -> list[Span]:
    """The personal data in a text, in its order; where two readings overlap, the surer one, and a name last of all."""
    found = _find_without_names(text)
    for name in names(text) if names is not None else ():
        if all(name.end <= other.start or other.end <= name.start for other in found):
            found.append(name)
    return sorted(found, key=lambda span: span.start)


def _find_without_names(text: str) -> list[Span]:
    found: list[Span] = []
    left = text
    while more := _find_once(left):  # what is taken out may bare what stood right beside it
        found += more
        for span in more:
            left = left[: span.start] + "[".ljust(span.end - span.start - 1, "|") + "]" + left[span.end :]
    return found


def _find_once(text: str) -> list[Span]:
    has_digits = _SIX_DIGITS.search(text) is not None
    found: list[Span] = []
    for kind, finder in _FINDERS.items():
        if kind in _OF_DIGITS and not has_digits:
            continue
        for start, end in finder(text):
            if all(end <= other.start or other.end <= start for other in found):
                found.append(Span(kind, start, end))
    return found


def mask(text: str, names: Names | None = None) -> str:
    """The text with a placeholder such as `[E-MAIL]` for each piece of personal data."""
    for span in reversed(find(text, names)):
        text = text[: span.start] + PLACEHOLDERS[span.kind] + text[span.end :]
    return text


_LETTERS_AROUND_AT = re.compile(r"\w@\w")
_SIX_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")
_E_MAIL = re.compile(
    r"(?<![\w.+%-])[\w+%-](?:[\w.+%'-]{0,62}[\w+%-])?@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@-])"
)
_LOGIN = re.compile(r"(?<!\w)[a-z][a-z0-9+.-]{1,15}://[^\s/@:]+(?::[^\s/@]*)?@[^\s/@]+", re.IGNORECASE)
_PROFILE = re.compile(
    r"(?<![\w.])(?:https?://)?(?:[a-z]{2,3}\.)?(?:(?:twitter|x|instagram|facebook|tiktok|threads)\.com|t\.me)/(?:in/)?@?"
    r"(?!(?:i|p|share|sharer|intent|hashtag|search|home|watch|groups|events|pages|reel|tag|explore)\b)[\w.-]{1,39}\w"
    r"|(?<![\w.])(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/in/[\w%.-]{1,79}\w",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d\d(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?(?!\w)")
_CARD = re.compile(r"(?<![\w.,+-])\d{4}(?:[ -]?\d){8,15}(?![\w]|[.,-]\d)")
_IP4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IP6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:|::)(?:[0-9A-Fa-f]{0,4}:){1,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_VERSION = re.compile(r"(?:version|release|build|firmware|v|ver|section|chapter|§)\.?\s*$", re.IGNORECASE)
_NUMBER_BEFORE = r"(?<![\w.,/+#$€£¥%=-])(?<![$€£¥#\d] )(?<!\d:)"
_NUMBER_BEHIND = r"(?![\w/%€$£]|[.,:-]\d| ?(?:[€$£%]|EUR|USD|GBP)(?!\w))"
_GAP = r"[ \u00a0.\-/\u2010\u2011]"
_PHONES = (
    rf"{_NUMBER_BEFORE.replace('+', '')}(?:\+|00)[1-9](?:{_GAP}?\(?\d\)?){{6,13}}{_NUMBER_BEHIND}",  # E.164: 15 digits
    rf"{_NUMBER_BEFORE}\(?0[1-9]\d{{0,4}}\)?{_GAP}?(?:{_GAP}?\d){{6,9}}{_NUMBER_BEHIND}",  # trunk 0, ten or eleven digits
    rf"{_NUMBER_BEFORE}(?:1{_GAP})?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.\- ])[2-9]\d\d[.\- ]\d{{4}}{_NUMBER_BEHIND}",  # NANP
)
_PHONE = re.compile("|".join(_PHONES))
_CALLED = re.compile(
    r"(?i:(?<![\w@#])(?:(?:call|help|tel|sms)|(?:phone|tele(?:ph|f)on\w*|mobile|mobil|handy|cell|fax|whats ?app|ring|dial|"
    r"contact|text me|ph|t[ée]l[ée]phone|m[óo]vil|anruf\w*|ruf)(?=[\s.:#])))"
    r"[\s.:#]{0,3}(?i:(?:me|us|him|her|at|on|under|no|number|nr|is|now|back|the) ){0,3}[.:#]?\s?"
    r"(?P<number>\(?\d(?:[ .\-/()]?\d){6,13})(?!\w|[.,]\d)"
)
"""A bare number of seven digits or more where the words before say that one calls it."""
_DATE = re.compile(r"(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./]|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d")
FEWEST_DIGITS, MOST_DIGITS = 7, 15
"""Of a phone number. Source: ITU-T E.164, https://www.itu.int/rec/T-REC-E.164"""
NATIONAL_DIGITS = range(9, 13)
"""Of a number that begins with a trunk 0, as most countries of Europe, Asia and Oceania write theirs."""
Places = Iterator[tuple[int, int]]


def _e_mails(text: str) -> Places:
    if _LETTERS_AROUND_AT.search(text):  # a handle has an @ too
        yield from (found.span() for found in _E_MAIL.finditer(text))


def _accounts(text: str) -> Places:
    if "://" in text or ".com/" in text or "t.me/" in text:
        for pattern in (_LOGIN, _PROFILE):
            yield from (found.span() for found in pattern.finditer(text))


def _ibans(text: str) -> Places:
    """The longest beginning of each candidate that is one: words in capitals may follow."""
    for found in _IBAN.finditer(text):
        start, parts = found.start(), found[0].split(" ")
        for count in range(len(parts), 0, -1):
            candidate = " ".join(parts[:count])
            if is_iban(candidate):
                yield start, start + len(candidate)
                break


def _cards(text: str) -> Places:
    for found in _CARD.finditer(text):
        gaps = {mark for mark in found[0] if not mark.isdigit()}
        if len(gaps) <= 1 and is_card(_digits(found[0])):
            yield found.span()


def _ip_addresses(text: str) -> Places:
    for found in _IP4.finditer(text):
        parts = found[0].split(".")
        written_out = sum(len(part) > 1 for part in parts) > 1  # 1.2.3.4 is a version or a heading
        if written_out and _is_ip(found[0]) and not _VERSION.search(text[: found.start()][-12:]):
            yield found.span()
    for found in _IP6.finditer(text) if text.count(":") > 1 else ():
        if len(found[0]) > 5 and _is_ip(found[0]):
            yield found.span()


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _phones(text: str) -> Places:
    for found in _PHONE.finditer(text):
        if _is_phone(found[0]):
            yield found.span()
    for found in _CALLED.finditer(text):
        if FEWEST_DIGITS <= len(_digits(found["number"])) <= MOST_DIGITS and not _DATE.search(found["number"]):
            yield found.span("number")


def _is_phone(number: str) -> bool:
    digits = _digits(number)
    if _DATE.search(number) or len(set(digits)) < 3:
        return False
    if number.startswith("+"):
        return FEWEST_DIGITS < len(digits) <= MOST_DIGITS
    if digits.startswith("00"):
        return len(digits) - 2 == 11 if digits[2] == "1" else 10 <= len(digits) - 2 <= 13
    return len(digits) in NATIONAL_DIGITS if digits.startswith("0") else True


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


_FINDERS: dict[Kind, Callable[[str], Places]] = {
    "account": _accounts,
    "e-mail": _e_mails,
    "bank account": _ibans,
    "card": _cards,
    "identity number": find_identity_numbers,
    "ip address": _ip_addresses,
    "phone": _phones,
}
"""The surest first: what one has found no later one reads."""
_OF_DIGITS: frozenset[Kind] = frozenset({"bank account", "card", "identity number", "phone"})
"""Kinds with six digits or more; most texts have no such number, and are done with at once."""
