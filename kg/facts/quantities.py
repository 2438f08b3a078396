"""Whether an object reads as a value: a number, a version, a quantity or a date.

>>> [text for text in ("16 GB", ">= 4.2", "1Password", "v2.1", "7-Zip", "3D Tiles") if is_quantity(text)]
['16 GB', '>= 4.2', 'v2.1']
"""

from __future__ import annotations

import re

_NUMBER = r"\.?[0-9]+(?:\ [0-9]{3})*(?:[.,:_/][0-9]+)*(?:[eE][+-]?[0-9]+)?"
_UNITS = r"""
    [kKMGTP]?i?[bB](?:ps|/s)? | [kKmM]?bits? | [bB]ytes? | [kKMBx%°] | [num]?s | µs | [smh]in | mins? | [hdwmy]
    | hrs? | [mM]onths? | [yY](?:ea)?rs? | [wW]eeks? | [dD]ays? | [hH]ours? | [mM]inutes? | [sS]ec(?:ond)?s?
    | millis(?:econds?)?
    | [kKMG]?Hz | [kKmM]?W | [mM]?V | [nµmck]?m | [mkµ]?g | [mM]?l | px | r?em | pt | [rqft]ps | rpm
    | st | nd | rd | th | am | pm | AM | PM | v?CPUs? | vcpus? | [cC]ores? | [tT]okens? | [mM]illions? | [bB]illions?
    | USD | EUR | GBP | CHF | [€$£%°][CF]?
"""
_MONTHS = r"""
    Jan(?:uary)? | Feb(?:ruary)? | Mar(?:ch)? | Apr(?:il)? | May | June? | July? | Aug(?:ust)?
    | Sep(?:t(?:ember)?)? | Oct(?:ober)? | Nov(?:ember)? | Dec(?:ember)?
"""
_SUFFIX = r"(?:[-.+]?(?:alpha|beta|rc|dev|pre|post|[fF]inal|ga|lts|snapshot|canary|next|a|b|p)[-.]?[0-9]*)"
_VALUE = re.compile(
    rf"""
    \s*
    (?: [<>=~^$€£+±-][<>=~^$€£+±\s-]* v?[0-9].*                     # >= 4.2, $50, ~3 days
      | v[0-9]+(?:\.[0-9x*]+)*(?![A-Za-z]).*                        # v2.1
      | [0-9]+(?:\.[0-9]+)*\.[x*]\b.*                               # 18.x
      | [0-9]+(?:\.[0-9]+)+ {_SUFFIX}+ (?:\s.*)?                    # 3.0b2
      | [0-9]+(?:\.[0-9]+)+ [-+] .*                                 # 1.2.3-anything
      | [0-9]{{4}}-[0-9]{{2}}(?:-[0-9]{{2}})? (?:[T\s].*)?          # 2025-12-17
      | [0-9]{{1,2}} (?:st|nd|rd|th)? \.? \s+ (?:of\s+)? (?:{_MONTHS})\b.*
      | [0-9]+/(?:tcp|udp|TCP|UDP)                                   # 80/tcp
      | [1-5]xx (?:\s+[a-z].*)?                                     # 4xx
      | {_NUMBER} (?:(?:\s*(?:[-\u2013\u2014x\u00d7]|\.\.+)\s*|\s+to\s+){_NUMBER})* (?:
            [\s+!.?]*                                               # 42, 5-10, 8080
          | (?!x\s+[A-Z]) [\s-]? (?:{_UNITS}) (?![A-Za-z0-9&.]|-[A-Za-z]) .*      # 16 GB of RAM, 30-second
          | (?:h|m|s|ms|d|w)(?:\s*[0-9]+\s*(?:h|m|s|ms|d|w))+       # 1h30m
          | \s+ (?=[a-z(]) .*                                       # 3 replicas
        )
    )
    """,
    re.VERBOSE | re.DOTALL,
)


def is_quantity(text: str) -> bool:
    """Return whether a text reads as a number, a version, a quantity or a date, and not as a name."""
    return _VALUE.fullmatch(text) is not None
