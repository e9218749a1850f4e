"""Numbers that name one person in a register: how each looks, and whether its check digits agree.

The check digits come from python-stdnum (LGPL-2.1 or later), which is imported as it is, installed by pip beside this program
and can be exchanged by anyone; none of it is copied here, so that the licence of this program stays what it is.
"""

import functools
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

REACH = 40
"""Characters before a bare number in which a word may say what it is."""


@dataclass(frozen=True)
class IdentityNumber:
    """One kind of number.

    Attributes:
        name: The country, and what people call it there.
        looks: How it is written; never within a longer word or number.
        check: Module of stdnum with its check digits; empty where it has none and its shape has to do.
        words: One of them has to stand before it, where its shape alone would be met by chance too often.
    """

    name: str
    looks: str
    check: str = ""
    words: str = ""


KINDS = (
    IdentityNumber("Belgium, rijksregisternummer", r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn"),
    IdentityNumber("Brazil, CPF", r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf"),
    IdentityNumber("Brazil, CPF", r"\d{11}", "br.cpf", r"cpf"),
    IdentityNumber("Bulgaria, EGN", r"\d{10}", "bg.egn", r"egn|егн"),
    IdentityNumber("Canada, SIN", r"\d{3}[ -]?\d{3}[ -]?\d{3}", "ca.sin", r"s\.?i\.?n\.?|social insurance"),
    IdentityNumber("Chile, RUT", r"\d{1,2}\.\d{3}\.\d{3}-[\dKk]", "cl.rut"),
    IdentityNumber("China, resident identity card", r"[1-9]\d{16}[\dXx]", "cn.ric"),
    IdentityNumber("Croatia, OIB", r"\d{11}", "hr.oib", r"oib"),
    IdentityNumber("Czechia and Slovakia, rodné číslo", r"\d{6}/\d{3,4}", "cz.rc"),
    IdentityNumber("Denmark, CPR", r"\d{6}-?\d{4}", "dk.cpr", r"cpr"),
    IdentityNumber("Estonia and Lithuania, isikukood", r"[1-6]\d{10}", "ee.ik", r"isikukood|asmens kod"),
    IdentityNumber("Finland, henkilötunnus", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", "fi.hetu"),
    IdentityNumber(
        "France, numéro de sécurité sociale",
        r"[12] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d",
        "fr.nir",
    ),
    IdentityNumber(
        "Germany, Steuer-Identifikationsnummer",
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        "de.idnr",
        r"steuer\S*|id-?nr|idnr|tin",
    ),
    IdentityNumber("Greece, AMKA", r"\d{11}", "gr.amka", r"amka|αμκα"),
    IdentityNumber("India, Aadhaar", r"[2-9]\d{3} \d{4} \d{4}", "in_.aadhaar"),
    IdentityNumber("India, Aadhaar", r"[2-9]\d{11}", "in_.aadhaar", r"a?adhaa?r|uid(?:ai)?"),
    IdentityNumber("Israel, teudat zehut", r"\d{9}", "il.idnr", r"t\.?z\.?|teudat zehut|ת\.?ז\.?"),
    IdentityNumber("Italy, codice fiscale", r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
    IdentityNumber("Korea, resident registration number", r"\d{6}-\d{7}", "kr.rrn"),
    IdentityNumber("Mexico, CURP", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d", "mx.curp"),
    IdentityNumber("Netherlands, BSN", r"\d{9}", "nl.bsn", r"bsn|burgerservicenummer|sofinummer"),
    IdentityNumber("Norway, fødselsnummer", r"\d{6} \d{5}", "no.fodselsnummer"),
    IdentityNumber("Norway, fødselsnummer", r"\d{11}", "no.fodselsnummer", r"f(?:ø|o)dselsnummer|fnr|personnummer"),
    IdentityNumber("Poland, PESEL", r"\d{11}", "pl.pesel", r"pesel"),
    IdentityNumber("Portugal, NIF", r"\d{3} ?\d{3} ?\d{3}", "pt.nif", r"nif|contribuinte"),
    IdentityNumber("Romania, CNP", r"[1-8]\d{12}", "ro.cnp"),
    IdentityNumber("South Africa, identity number", r"\d{13}", "za.idnr", r"id(?!-number\])|identity"),
    IdentityNumber("Spain, DNI and NIE", r"\d{8}-?[A-HJ-NP-TV-Z]", "es.dni"),
    IdentityNumber("Spain, DNI and NIE", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", "es.nie"),
    IdentityNumber("Sweden, personnummer", r"(?:\d\d)?\d{6}[-+]\d{4}", "se.personnummer"),
    IdentityNumber("Switzerland, AHV number", r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn"),
    IdentityNumber("Turkey, kimlik numarası", r"[1-9]\d{10}", "tr.tckimlik", r"t\.?c\.?|tckn|kimlik\w*"),
    IdentityNumber("United Kingdom, NHS number", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs", r"nhs"),
    IdentityNumber(
        "United Kingdom, national insurance number",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
    ),
    IdentityNumber("United States, social security number", r"\d{3}-\d\d-\d{4}", "us.ssn"),
    IdentityNumber("United States, social security number", r"\d{3} ?\d\d ?\d{4}", "us.ssn", r"ssn|social security"),
)
"""Source: the registers' own rules as python-stdnum cites them, https://arthurdejong.org/python-stdnum/doc/index.html;
where a word is asked for, a tenth of all numbers of that shape, or nearly, would pass (set by us)."""


def find_identity_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where identity numbers begin and end."""
    for kind, pattern in _patterns():
        for found in pattern.finditer(text):
            start, end = found.span("number")
            if _agrees(kind.check, found["number"]):
                yield start, end


@functools.cache
def _patterns() -> list[tuple[IdentityNumber, re.Pattern[str]]]:
    return [(kind, re.compile(_pattern(kind))) for kind in KINDS]


def _pattern(kind: IdentityNumber) -> str:
    """The shape, alone; behind its words, where it needs some, with at most a few other words between."""
    number = rf"(?<![\w+.,/-])(?P<number>{kind.looks})(?![\w/]|[.,-]\d)"
    return rf"(?i:\b(?:{kind.words}))(?!\w)[^\d\n\[\]]{{0,{REACH}}}{number}" if kind.words else number


def _agrees(check: str, number: str) -> bool:
    return not check or bool(_stdnum(check).is_valid(number))


@functools.cache
def _stdnum(name: str) -> "_Checked":
    checked: _Checked = importlib.import_module(f"stdnum.{name}")  # type: ignore[assignment]
    return checked


def is_card(digits: str) -> bool:
    """Whether digits can be the number of a payment card: begins as its networks do, and its check digit agrees.

    Source: ISO/IEC 7812-1; ranges of the networks as in https://en.wikipedia.org/wiki/Payment_card_number
    """
    return _CARDS.fullmatch(digits) is not None and bool(_stdnum("luhn").is_valid(digits))


def is_iban(number: str) -> bool:
    """Whether a text is an IBAN: length and form of its country, and its remainder by 97 is 1.

    Source: ISO 13616-1, https://www.swift.com/resource/iban-registry-pdf
    """
    return bool(_stdnum("iban").is_valid(number))


class _Checked:
    """What every module of stdnum has."""

    def is_valid(self, number: str) -> bool:
        raise NotImplementedError


_CARDS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|(?:5[0678]|6[37])\d{10,17}"
)
