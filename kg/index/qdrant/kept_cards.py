"""Cards in memory: what ranking read last of an index, so that the next search need not read it from the files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from kg.ports import IndexCard

CARDS_KEPT = 4096
"""Cards in memory, some 3 MB. To read one from the files takes 8 µs, and a search wants a few hundred."""

OwnedCard = tuple[str, IndexCard]
"""A card and the user whose it is."""


class KeptCards:
    """The cards kept longest make room. One thread keeps and forgets; any thread may ask.

    Args:
        most: how many cards are kept, and for how many messages which ones follow them.
    """

    def __init__(self, most: int = CARDS_KEPT) -> None:
        self._most = most
        self._cards: dict[str, OwnedCard] = {}
        self._followers: dict[str, tuple[str, tuple[str, ...]]] = {}  # with the user who asked
        self._followed: dict[str, set[str]] = {}

    def find(self, uuids: Iterable[str]) -> dict[str, OwnedCard]:
        """Return those of some points' cards that are kept."""
        return {uuid: kept for uuid in uuids if (kept := self._cards.get(uuid)) is not None}

    def find_followers(self, user_id: str, uuids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return a user's messages that have some among their ``previous``, for those of which it is kept."""
        known = {uuid: self._followers.get(uuid) for uuid in uuids}
        return {uuid: one[1] for uuid, one in known.items() if one is not None and one[0] == user_id}

    def find_all(self, user_id: str, uuids: Sequence[str], following: Sequence[str]) -> list[IndexCard] | None:
        """Return a user's cards of some points and of the messages that follow some; None if any is not kept."""
        followers = self.find_followers(user_id, following)
        if len(followers) < len(set(following)):
            return None
        wanted = dict.fromkeys([*uuids, *(uuid for known in followers.values() for uuid in known)])
        kept = self.find(wanted)
        return [card for owner, card in kept.values() if owner == user_id] if len(kept) == len(wanted) else None

    def keep(self, cards: Mapping[str, OwnedCard]) -> None:
        """Keep cards in place of those kept longest."""
        self._cards |= cards
        for uuid in list(islice(self._cards, max(0, len(self._cards) - self._most))):
            del self._cards[uuid]

    def keep_followers(self, user_id: str, of: Sequence[str], found: Sequence[IndexCard]) -> None:
        """Keep which of a user's messages follow some, given the cards of all that do."""
        if len(self._followers) + len(of) > self._most:
            self._followers.clear()
            self._followed.clear()
        followers: dict[str, list[str]] = {uuid: [] for uuid in of}
        for card in found:
            for uuid in followers.keys() & set(card.previous):
                followers[uuid].append(card.uuid)
                self._followed.setdefault(card.uuid, set()).add(uuid)
        self._followers |= {uuid: (user_id, tuple(known)) for uuid, known in followers.items()}

    def forget(self, uuids: Iterable[str], previous: Iterable[str] = ()) -> None:
        """Forget points that change or go, given the messages before those that come."""
        for uuid in uuids:
            self._cards.pop(uuid, None)
            self._followers.pop(uuid, None)
            for followed in self._followed.pop(uuid, ()):
                self._followers.pop(followed, None)
        for uuid in previous:
            self._followers.pop(uuid, None)
