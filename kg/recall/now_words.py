"""Whether a question asks for how things stand now; then the newer of two memories is preferred."""

from __future__ import annotations

import re

_PRESENT = re.compile(
    r"""(?<![\w@:/`'"{$.-]) (?:
        now(?!\s*\() | nowadays | currently | presently | at\ (?:present|the\ moment) | th(?:ese|is)\ days?\b(?<=days)
        | today(?:'s)? | as\ (?:of\ (?:now|today)|it\ stands) | still | any\s?more | to\ date | up[ -]to[ -]date
        | (?:latest|newest|current|most\ recent(?:ly)?)
          (?!\ (?:tag|directory|folder|dir|user|thread|process|request|transaction|line|row|working|scope|tenant)\b)
        | aktuelle?[nrs]? | derzeit | heute | jetzt | momentan | noch | actuel(?:le|lement)?s? | maintenant
        | aujourd['\u2019]hui | toujours
    ) (?![\w`"/(:-]) | 现在|目前|当前|如今|現在|今は|今の|いま|最新|الآن|حاليا|اليوم""",
    re.VERBOSE | re.IGNORECASE,
)
_PAST = re.compile(r"\b(?:did|was|were|had|happened)\b", re.IGNORECASE)
_DAY = re.compile(r"\b(?:today|heute|aujourd['\u2019]hui)\b", re.IGNORECASE)


def asks_for_present(question: str) -> bool:
    """Tell whether a question says now, currently, today, latest, these days or the like.

    "What did we change today?" names a date and asks for no state, so that it is not one.
    """
    if _DAY.search(question) and _PAST.search(question):
        question = _DAY.sub(" ", question)
    return _PRESENT.search(question) is not None
