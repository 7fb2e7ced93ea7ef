"""A size that may be changed one way only: more for what is short of pods is never fewer, whatever was written beforehand."""

from collections.abc import Iterable

from stanch.api.actions import Way
from stanch.api.names import Reason
from stanch.core.ports import Aim, Refusal


def other_way(aim: Aim, field: str, only: Way | None, sizes: Iterable[tuple[str, int, int]]) -> Refusal | None:
    """
    The refusal of what would go the other way than ``only``; None where all of it goes that way, or stays.

    ``sizes`` are name, number now and number wanted; ``field`` is where ``only`` was written, for the words.
    """
    for name, now_at, wanted in sizes:
        if (only is Way.UP and wanted < now_at) or (only is Way.DOWN and wanted > now_at):
            how, instead = ("lower", "more") if wanted < now_at else ("higher", "less")
            return Refusal(
                Reason.PREFLIGHT,
                f"{aim} has {name} {now_at}, and {wanted} would be {how}: {field}.only is {only.value}; "
                f"if {instead} than {now_at} is what helps, ask for that in a mitigate entry",
                final=True,
            )
    return None
