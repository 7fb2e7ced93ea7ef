"""`stanch status-page`: the words of the command line, checked before anything is asked."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

EXAMPLES = """
\b
Examples:
  stanch status-page --out site --title "Shop status" --url https://status.example.com
  stanch status-page --out site --component "Checkout=checkout,payments" --component "Search=search"
  AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… stanch status-page --push https://shop-status.s3.eu-central-1.amazonaws.com
"""


def components(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, list[str]]:
    """`NAME=service,service` by name."""
    found: dict[str, list[str]] = {}
    for value in values:
        name, equals, services = value.partition("=")
        named = [s.strip() for s in services.split(",") if s.strip()]
        if not equals or not name.strip() or not named:
            raise click.BadParameter(f"{value!r} is not NAME=SERVICE[,SERVICE…], for example Checkout=checkout,cart")
        found.setdefault(name.strip(), []).extend(named)
    twice = [s for s in {s for each in found.values() for s in each} if sum(s in each for each in found.values()) > 1]
    if twice:
        raise click.BadParameter(f"service {sorted(twice)[0]} is in two components")
    return found


def a_place(context: click.Context, option: click.Parameter, value: str) -> str:
    """Where it will be found, without a slash at its end; or nothing."""
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if value and not good:
        raise click.BadParameter(f"{value!r} is not a URL, for example https://status.example.com")
    return value.rstrip("/")


@click.command("status-page", epilog=EXAMPLES)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to: index.html, incidents/, status.json, atom.xml, style.css. Made when it is not there.",
)
@click.option(
    "--push",
    default="",
    callback=a_place,
    help="Bucket, or a folder of one, of an object store that speaks S3, as https://BUCKET.s3.REGION.amazonaws.com/FOLDER or "
    "https://HOST/BUCKET/FOLDER. With AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and perhaps AWS_SESSION_TOKEN "
    "of the environment.",
)
@click.option("--title", default="Status", show_default=True, help="What the page is called.")
@click.option("--url", default="", callback=a_place, help="Where it will be found; the feed then has links.")
@click.option(
    "--component",
    "named",
    multiple=True,
    callback=components,
    help="NAME=SERVICE[,SERVICE…]: what people use, and which services of incidents are that. May be given often. "
    "Left out: each service of an incident that the public was told of.",
)
@click.option(
    "--end",
    "over",
    multiple=True,
    metavar="ID",
    help="Say that an incident of the page is over which the cluster has no more; its id is in status.json. May be given often.",
)
@click.option("-n", "--namespace", help="Only incidents in this namespace; else in all.")
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Your credentials; else KUBECONFIG, else ~/.kube, else the pod's own.",
)
def status_page(out: Path | None, push: str, namespace: str | None, kubeconfig: str | None, **words: Any) -> None:
    """
    Write what the public was told as a status page: static files that outlive the cluster, in a folder or an object store.

    Only updates for the public are on it. What was published before stays, also when the cluster has it no more: what went on
    then is Unknown, until --end says that it is over. When the cluster does not answer, or what was published can't be read,
    nothing is written, and the exit code is 4.
    """
    if out is None and not push:
        raise click.UsageError("Say where it goes: --out FOLDER, --push URL, or both")

    from stanch.cli.status_page.verb import Places, Words, write_page  # noqa: PLC0415 -- the client costs a second to import

    sys.exit(write_page(Places(out, push), Words(**words), (kubeconfig, namespace)))
