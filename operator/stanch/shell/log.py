"""One line an event: keys, not prose; JSON where a machine reads, logfmt where a person does; secrets are masked in it."""

import json
import logging
import sys
import time
from typing import Any

from stanch.evidence.redact import Redactor

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")}


def quoted(value: Any) -> str:
    """JSON in one line of printable characters: other people's words begin no line and move no cursor."""
    said = json.dumps(value, ensure_ascii=False)
    return said if said.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in said)


def _is_plain(text: str) -> bool:
    return text.isprintable() and not any(c in text for c in ' "')


class Line(logging.Formatter):
    """`time level msg key=value …` or one JSON object."""

    def __init__(self, as_json: bool) -> None:
        """``as_json`` for machines."""
        super().__init__()
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback, if any, is one field of it."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        fields: dict[str, Any] = {
            "time": when,
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        fields |= {k: v for k, v in _extras(record).items() if isinstance(v, str | int | float | bool)}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        # Without a key: who reads the log is not who may compare evidence.
        try:
            fields = json.loads(Redactor(b"").doc(json.dumps(fields).encode()))
        except ValueError:  # Rather no words than words with a secret in them.
            fields = {**{k: fields[k] for k in ("time", "level", "logger")}, "msg": "a line that could not be masked"}
        if self.as_json:
            return quoted(fields)
        return " ".join(f"{k}={v if _is_plain(str(v)) else quoted(str(v))}" for k, v in fields.items())


def _is_of_kopfs_end(record: logging.LogRecord) -> bool:
    """kopf leaves its watches to the loop, which can't close one that is being read: said at the end, and nothing is wrong."""
    return "asynchronous generator <async_generator object infinite_watch" in record.getMessage()


def set_up(as_json: bool, verbose: bool) -> None:
    """To stderr; kopf's own lines only when something is wrong with it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("asyncio").addFilter(lambda record: not _is_of_kopfs_end(record))
    logging.getLogger("stanch").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("kopf").setLevel(logging.INFO if verbose else logging.WARNING)
