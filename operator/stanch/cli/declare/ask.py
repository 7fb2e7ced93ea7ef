"""The questions, one line each, on stderr: stdout is for programs. What was said on the command line is not asked again."""

from collections.abc import Sequence

import click

from stanch.core.declaration import JOURNEYS, RISKS, SCOPES, UNKNOWN, refused_title, risks_of, target_of


def ask_title() -> str:
    """Until it is one."""
    return str(click.prompt("What is wrong, in users' words", value_proc=_title, err=True))


def ask_journey() -> str:
    """The first of the three."""
    return _choice("1/3 Is the core journey of users down?", list(JOURNEYS))


def ask_users() -> str:
    """The second."""
    return _choice("2/3 How many users does it hurt?", list(SCOPES))


def ask_risks() -> tuple[str, ...]:
    """The third; several with commas between."""
    text = f"3/3 Are data or money at risk? ({', '.join(('none', *RISKS))})"
    found: tuple[str, ...] = click.prompt(text, default="none", value_proc=_risks, err=True)
    return found


def ask_target() -> tuple[str, ...]:
    """Nothing is an answer."""
    text = "What is it about? (deployment/NAME; nothing, if you don't know)"
    said = str(click.prompt(text, default="", show_default=False, value_proc=_target, err=True))
    return (said,) if said else ()


def confirm(namespace: str, name: str) -> bool:
    """Enter is yes: declaring early is cheap."""
    return click.confirm(f"Declare {namespace}/{name}?", default=True, err=True)


def _choice(text: str, words: Sequence[str]) -> str:
    """A word of them, or enough of its beginning to know it."""
    asked = f"{text} ({', '.join(words)})"
    return str(click.prompt(asked, default=UNKNOWN, value_proc=lambda said: _one_of(said, words), err=True))


def _one_of(said: str, words: Sequence[str]) -> str:
    meant = said.strip().lower()
    found = [word for word in words if word == meant] or [word for word in words if meant and word.startswith(meant)]
    if len(found) != 1:
        raise click.UsageError(f"{said!r} is none of {', '.join(words)}" if not found else f"{' or '.join(found)}?")
    return found[0]


def _title(said: str) -> str:
    if problem := refused_title(said):
        raise click.UsageError(problem)
    return said.strip()


def _risks(said: object) -> tuple[str, ...]:
    try:
        return risks_of([str(said)])
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _target(said: str) -> str:
    try:
        return f"{(found := target_of(said)).kind.value}/{found.name}" if said.strip() else ""
    except ValueError as error:
        raise click.UsageError(str(error)) from error
