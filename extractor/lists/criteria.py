"""Whether a text is what a criterion asks for, in which form it is sent, and which texts are the same value.

Decides (contract, section 3.2):

- ProfileId: a whole number of up to 19 digits; sent without zeros in front.
- EmailAddress: at most 256 characters, none of them a space or a control character; something of up to 64 characters,
  one ``@``, and a domain of two or more names with dots between. Letters of any script. Sent as written.
- PhoneNumber: what ``phonenumbers`` takes for a possible number (a right length for its country, which stands in front
  with a ``+`` or is the default region); sent as the digits of E.164. That such a number is in use is not asked:
  numbering plans change faster than libraries.
- AlternateId: up to 256 printable characters. Sent as written.

E-mail addresses and AlternateIds are the same without regard to the case of A to Z. That of other letters is left
alone: Unicode's folding makes one of ``straße`` and ``strasse``, who are two people, and to ask for one value too many
costs nothing. ``alike`` folds as far as a service may. A reason never repeats the text. Pure. Called by
``intake`` and ``outcome``.
"""

from __future__ import annotations

import importlib
import re
import string
from collections.abc import Callable
from typing import Any, Final

from extractor.errors import ConfigError

Check = Callable[[str], str]

_LONGEST: Final = 256  # characters; of an e-mail address by contract 4.2
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@(?:\w(?:[\w-]{0,61}\w)?\.)+\w(?:[\w-]{0,61}\w)?")
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")


class Unfit(Exception):  # noqa: N818 - the house's words
    """Why a text is not sent, to be read behind "line 17: the value"."""


def check_of(criteria: str, region: str | None) -> Check:
    """Give the function that turns a trimmed text into what is sent, or raises Unfit.

    Raises ConfigError when ``region`` is no country that has telephone numbers.
    """
    if criteria == "PhoneNumber":
        return _phone_check(region)
    return {"ProfileId": _profile_id, "EmailAddress": _email_address, "AlternateId": _alternate_id}[criteria]


def fold(criteria: str, value: str) -> str:
    """Bring the spellings of one value together, and nothing that a service may tell apart."""
    text = value.strip()
    match criteria:
        case "ProfileId":
            return str(int(text)) if _WHOLE_NUMBER.fullmatch(text) else text
        case "PhoneNumber":
            return _NOT_DIGITS.sub("", text) or text
        case _:
            return text.translate(_LOWER)


def alike(folded: str) -> str:
    """Bring together the folded values that a service may take for one, or for two."""
    return folded.casefold()


def _refuse_unprintable(text: str) -> None:
    if not text:
        raise Unfit("is blank")
    if not text.isprintable():
        undecoded = any("\udc80" <= character <= "\udcff" for character in text)
        raise Unfit("is not UTF-8" if undecoded else "holds a line break or another control character")
    if len(text) > _LONGEST:
        raise Unfit(f"is longer than {_LONGEST} characters")


def _profile_id(text: str) -> str:
    _refuse_unprintable(text)
    if _WHOLE_NUMBER.fullmatch(text) is None:
        raise Unfit("is not a whole number of up to 19 digits")
    return str(int(text))


def _email_address(text: str) -> str:
    _refuse_unprintable(text)
    if _EMAIL.fullmatch(text) is None:
        raise Unfit("is not an e-mail address")
    return text


def _alternate_id(text: str) -> str:
    _refuse_unprintable(text)
    return text


def _phone_check(region: str | None) -> Check:
    library: Any = importlib.import_module("phonenumbers")  # Any: its metadata takes a moment, and few lists need it
    if region is not None and region not in library.SUPPORTED_REGIONS:
        raise ConfigError([f"region {region}: no country with telephone numbers -- write US, GB or the like"])
    without = "has no country code -- write it with +, or give region" if region is None else "is not a phone number"

    def checked(text: str) -> str:
        _refuse_unprintable(text)
        try:
            number = library.parse(text, region)
        except library.NumberParseException as error:
            no_country = error.error_type == library.NumberParseException.INVALID_COUNTRY_CODE
            raise Unfit(without if no_country else "is not a phone number") from None
        if number.extension:
            raise Unfit("has an extension, which no export knows")
        # Not ``is_possible_number``, which also takes a number that can be dialled within one town only.
        if library.is_possible_number_with_reason(number) != library.ValidationResult.IS_POSSIBLE:
            raise Unfit("has too few or too many digits for its country")
        return str(library.format_number(number, library.PhoneNumberFormat.E164)).removeprefix("+")

    return checked
