"""A mail relay on loopback that keeps what it is given, and can drop, stall and refuse; as much of SMTP as relays speak."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Relay:
    """What it was given; ``instead`` answers a command in another way, or raises to break the connection."""

    port: int = 0
    letters: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    instead: Callable[[str], str | None] = lambda _: None
    tls: ssl.SSLContext | None = None
    stalls: asyncio.Event = field(default_factory=asyncio.Event)
    given: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            writer.write(b"220 relay ESMTP\r\n")
            while line := await reader.readline():
                await self._one(line.decode().strip(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.commands.append(command)
        word = command.split(maxsplit=1)[0].upper() if command else ""
        said = self.instead(word)
        if said is not None:
            if said == "stall":
                await self.stalls.wait()
            writer.write(said.encode() + b"\r\n")
        elif word == "EHLO":
            writer.write(
                b"250-relay\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
                if self.tls is None
                else b"250-relay\r\n250 STARTTLS\r\n"
            )
        elif word == "STARTTLS" and self.tls:
            writer.write(b"220 go\r\n")
            await writer.drain()
            await writer.start_tls(self.tls)
        elif word == "DATA":
            writer.write(b"354 go on\r\n")
            self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
            self.given.set()
            said = self.instead("BODY")
            if said == "later":
                await self.stalls.wait()
                said = None
            writer.write((said or "250 kept").encode() + b"\r\n")
        elif word == "AUTH":
            writer.write(b"235 welcome\r\n")
        elif word == "QUIT":
            writer.write(b"221 bye\r\n")
        else:
            writer.write(b"250 ok\r\n")
        await writer.drain()


@asynccontextmanager
async def relay() -> AsyncIterator[Relay]:
    """One that listens while inside."""
    found = Relay()
    server = await asyncio.start_server(found.talk, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        found.stalls.set()
        server.close()
