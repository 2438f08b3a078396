"""The sentences of a technical note, and the passage of a text that answers a question best."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from kg.language.words import estimate_tokens, text_terms

MAX_SENTENCES = 64
MAX_WORDS = 60
TOKENS_PER_WORD = 4 / 3
ELLIPSIS = "…"

Span = tuple[int, int]

_WRAPPED_LINE_CHARS = 60
_FRAGMENT_WORDS = 3
_LINE = re.compile(r"[^\r\n\u2028\u2029]+")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_ITEM = re.compile(r"\s*(?:[-*+•‣]|\(?\w{1,2}[.)])\s")
_END = re.compile(
    r"(?<![.!?…])(?P<mark>[.!?…]++)[\"'”\u2019)\]»*`]*+\s++(?=\S)"
    r"|(?<![。\uff01\uff1f｡])[。\uff01\uff1f｡]++[」』”\u2019\uff09]*+\s*+(?=\S)"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'])(?:[A-Z]|e\.g|i\.e|vs|cf|approx|ca|resp|incl|excl|dr|mr|mrs|ms|prof|st|dept|al)$", re.IGNORECASE
)
_NUMBERED = re.compile(r"(?:^|[\s(\[])(?:no|nr|fig|sec|eq|ch|ver|pp?)$", re.IGNORECASE)
_OPEN_ENDED = re.compile(r"(?:^|[\s(\[])(?:etc|inc|ltd|co|corp|jr|sr)$", re.IGNORECASE)
_ENUMERATOR = re.compile(r"\W*\w{1,2}$")
_RUN = re.compile(r"\S+\s*")
_WORD = re.compile(r"\w+")


def sentences(text: str, max_sentences: int = MAX_SENTENCES, max_words: int = MAX_WORDS) -> list[str]:
    """Return the sentences of a text, in order, each with its blanks trimmed.

    The end of a line or list item ends a sentence, unless the line is hard-wrapped; lines of a code block are grouped.
    What is longer than ``max_words`` is cut between words. If there are more than ``max_sentences``, neighbours are
    joined into that many groups of about equal length. Only an empty text has no sentence.
    """
    spans = _fold_into(sentence_spans(text, max_words), text, max_sentences)
    return [text[start:end].strip() for start, end in spans] or ([text] if text else [])


def sentence_spans(text: str, max_words: int = MAX_WORDS) -> list[Span]:
    """Return where each sentence starts and ends, as ``sentences`` finds them before it joins neighbours."""
    limit = max(1, int(max_words * TOKENS_PER_WORD))
    spans: list[Span] = []
    for start, end, code in _blocks(text):
        pieces = _group_lines(text, start, end, limit) if code else _split_block(text, start, end)
        for piece in pieces:
            spans.extend(_cut(text, piece, limit))
    return spans


def best_passage(text: str, question_terms: Collection[str], max_chars: int) -> tuple[str, bool]:
    """Return the run of sentences that covers most of a question, and whether anything was left out.

    Args:
        text: what to cut.
        question_terms: stems as ``stem_terms`` gives them; if the text has none of them, its beginning is returned.
        max_chars: most characters of the answer, ellipses included.
    """
    if len(text) <= max_chars:
        return text, False
    spans = sentence_spans(text)
    wanted = set(question_terms)
    hits = [wanted.intersection(text_terms(text[start:end])) for start, end in spans]
    if not any(hits):
        return _shortened(text, 0, len(text), max_chars), True
    best, best_score = (0, 0), (-1, -1)
    inside: Counter[str] = Counter()
    last = -1
    for first in range(len(spans)):
        while last < first or (
            last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= max_chars - 2 * len(ELLIPSIS)
        ):
            last += 1
            inside.update(hits[last])
        score = (len(inside), inside.total())
        if score > best_score:
            best, best_score = (first, last), score
        inside -= Counter(hits[first])  # drops terms that are no longer inside
    return _shortened(text, spans[best[0]][0], spans[best[1]][1], max_chars), True


def _shortened(text: str, start: int, end: int, max_chars: int) -> str:
    """Return text[start:end] within max_chars, cut between words if possible, with ellipses for what is left out."""
    head = ELLIPSIS if text[:start].strip() else ""
    passage = text[start:end].strip()
    tail = ELLIPSIS if text[end:].strip() else ""
    if len(head) + len(passage) + len(tail) > max_chars:
        tail = ELLIPSIS
        passage = passage[: max(0, max_chars - len(head) - len(tail))]
        blank = max(passage.rfind(" "), passage.rfind("\n"))
        passage = passage[:blank].rstrip() if blank > len(passage) // 2 else passage
    return (head + passage + tail)[:max_chars]


def _blocks(text: str) -> list[tuple[int, int, bool]]:
    """Return each block as start, end and whether it is code; wrapped lines are one block, and so is a code block."""
    blocks: list[tuple[int, int, bool]] = []
    fenced = False
    joinable = False
    for line in _LINE.finditer(text):
        content = line.group()
        if not content.strip():
            joinable = False
            continue
        fence = _FENCE.match(content) is not None
        code = fenced or fence
        starts_small = content.lstrip()[:1].islower() and not _ITEM.match(content)
        grows = (fenced and blocks[-1][2]) if code else (joinable and starts_small and not blocks[-1][2])
        start = blocks.pop()[0] if grows else line.start()
        blocks.append((start, line.end(), code))
        fenced = fenced != fence
        joinable = len(content) >= _WRAPPED_LINE_CHARS and content.rstrip()[-1] not in ".!?:;。\uff01\uff1f"
    return blocks


def _group_lines(text: str, start: int, end: int, limit: int) -> list[Span]:
    """Join whole lines up to the limit in tokens."""
    groups: list[Span] = []
    size = 0
    for line in _LINE.finditer(text, start, end):
        tokens = estimate_tokens(line.group())
        if groups and size + tokens <= limit:
            groups[-1] = (groups[-1][0], line.end())
            size += tokens
        else:
            groups.append((line.start(), line.end()))
            size = tokens
    return groups


def _split_block(text: str, start: int, end: int) -> list[Span]:
    """Split prose after its full stops; a fragment of one or two words stays with its neighbour."""
    pieces: list[Span] = []
    begin = start
    for mark in _END.finditer(text, start, end):
        if mark.group("mark") == "." and _goes_on(text[max(begin, mark.start() - 40) : mark.start()], text[mark.end()]):
            continue
        if mark.group("mark") == "." and _ENUMERATOR.fullmatch(text, begin, mark.start()):
            continue
        pieces.append((begin, mark.end()))
        begin = mark.end()
    pieces.append((begin, end))
    joined: list[Span] = []
    for piece in pieces:
        if joined and (_is_fragment(text, piece) or _is_fragment(text, joined[-1])):
            joined[-1] = (joined[-1][0], piece[1])
        else:
            joined.append(piece)
    return joined


def _goes_on(before: str, following: str) -> bool:
    """Return whether the full stop after these words belongs to an abbreviation, so that the sentence goes on."""
    if _ABBREVIATION.search(before):
        return not before.endswith("I")
    if _NUMBERED.search(before):
        return following.isdigit()
    return following.islower() and _OPEN_ENDED.search(before) is not None


def _is_fragment(text: str, piece: Span) -> bool:
    content = text[piece[0] : piece[1]]
    return content.isascii() and len(_WORD.findall(content)) < _FRAGMENT_WORDS


def _cut(text: str, piece: Span, limit: int) -> list[Span]:
    """Cut a piece into runs of at most the limit in tokens, between words where there are any."""
    start, end = piece
    if end - start <= limit or estimate_tokens(text[start:end]) <= limit:
        return [piece] if text[start:end].strip() else []
    cuts: list[Span] = []
    size = 0
    for run in _RUN.finditer(text, start, end):
        tokens = estimate_tokens(run.group())
        if tokens > limit:
            step = max(1, len(run.group()) * limit // tokens)
            cuts.extend((i, min(i + step, run.end())) for i in range(run.start(), run.end(), step))
            size = limit
        elif cuts and size + tokens <= limit:
            cuts[-1] = (cuts[-1][0], run.end())
            size += tokens
        else:
            cuts.append((run.start(), run.end()))
            size = tokens
    return [cut for cut in cuts if text[cut[0] : cut[1]].strip()]


def _fold_into(spans: list[Span], text: str, most: int) -> list[Span]:
    """Join neighbours into at most this many groups with about equally many tokens."""
    if len(spans) <= most:
        return spans
    sizes = [estimate_tokens(text[start:end]) for start, end in spans]
    total = sum(sizes)
    groups: dict[int, Span] = {}
    passed = 0
    for (start, end), size in zip(spans, sizes, strict=True):
        group = passed * most // total
        groups[group] = (groups.get(group, (start, end))[0], end)
        passed += size
    return list(groups.values())
