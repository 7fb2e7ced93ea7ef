"""Keeps a capture within its limits: what tells least goes first, and every loss is written down."""

from dataclasses import dataclass, field

from stanch.api.evidence import MissingItem
from stanch.api.names import MissingReason
from stanch.evidence import missing
from stanch.evidence.shelf import File, Rank, Shelf

FILES_MAX = 500  # an Evidence object lists at most 512
_LEAST = 4 * 1024
_REASONS = {Rank.KEEP: MissingReason.TOO_LARGE}


@dataclass(slots=True)
class Budget:
    """
    Gives up files of one shelf, until the archive has at most ``room`` bytes and its files at most ``raw``; ``lost`` is how
    many bytes of each. First what no effect destroys, then current logs, then those of healthy pods (decisions 2.6).
    """

    shelf: Shelf
    room: int
    raw: int
    lost: dict[str, tuple[int, Rank]] = field(default_factory=dict)

    def fit_raw(self) -> None:
        """Within the number of files and the bytes before compression."""
        ordered = sorted(self.shelf.files, key=_least_telling)
        for file in ordered[FILES_MAX:]:
            self._note(file, len(file.content))
        kept = {file.name for file in ordered[:FILES_MAX]}
        self.shelf.files = [file for file in self.shelf.files if file.name in kept]
        self._free(sum(len(file.content) for file in self.shelf.files) - self.raw)

    def shrink(self, archived: int) -> None:
        """Free what an archive of this size is too large by, with a tenth more; never all, though it be many times too large."""
        raw = sum(len(file.content) for file in self.shelf.files)
        over = (archived - self.room) / max(1, archived)
        self._free(max(_LEAST, int(raw * min(1.1 * over, 1 - 0.9 * (1 - over)))))

    def told(self) -> list[MissingItem]:
        """What was given up, for the list of what is missing."""
        return [
            missing.item(name, _REASONS.get(rank, MissingReason.BUDGET_FULL), f"{size} bytes given up for want of room")
            for name, (size, rank) in self.lost.items()
        ]

    def _free(self, wanted: int) -> None:
        for rank in (Rank.REST, Rank.CURRENT, Rank.CONTROL):
            for file in self._of(rank):
                if wanted <= 0:
                    return
                wanted -= self._drop(file)
        while wanted > 0 and (logs := self._of(Rank.PREVIOUS)):
            for file in logs:
                wanted -= self._halve(file) if wanted > 0 else 0
        while wanted > 0 and (rest := self._of(Rank.KEEP)):
            wanted -= self._drop(rest[0])

    def _of(self, rank: Rank) -> list[File]:
        """Files of a rank, the largest first."""
        return sorted((file for file in self.shelf.files if file.rank is rank), key=_least_telling, reverse=True)

    def _drop(self, file: File) -> int:
        self.shelf.files.remove(file)
        return self._note(file, len(file.content))

    def _halve(self, file: File) -> int:
        """Keep the newer half; a log that is small by then goes as a whole."""
        if len(file.content) <= _LEAST:
            return self._drop(file)
        half = file.newest(len(file.content) // 2)
        self.shelf.files[self.shelf.files.index(file)] = half
        return self._note(file, len(file.content) - len(half.content))

    def _note(self, file: File, size: int) -> int:
        self.lost[file.name] = (self.lost.get(file.name, (0, file.rank))[0] + size, file.rank)
        return size


def _least_telling(file: File) -> tuple[int, int, str]:
    return int(file.rank), len(file.content), file.name
