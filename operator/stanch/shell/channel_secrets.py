"""What channels hold: Secrets of the operator's namespace, read when something is told, as core and notifiers want them."""

from collections.abc import Awaitable, Callable, Mapping

from stanch.api.secret_refs import Missing
from stanch.shell.secret_refs import SecretRefs


def of_channels(refs: SecretRefs) -> Callable[[str], Awaitable[Mapping[str, str] | str]]:
    """By name of the Secret: its values by key, or a sentence why they can't be had."""

    async def values(name: str) -> Mapping[str, str] | str:
        found = await refs.values(name)
        return found.why if isinstance(found, Missing) else found

    return values
