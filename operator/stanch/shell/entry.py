"""From the command line to a running event loop: credentials for kopf, logs, exit codes."""

import asyncio
import logging
import os
import sys
from pathlib import Path

from kubernetes.aio.config import ConfigException
from yaml import YAMLError

from stanch.shell import log
from stanch.shell.client import Unanswered
from stanch.shell.election import Times
from stanch.shell.receiver import AlertsAt
from stanch.shell.run import Settings, run
from stanch.shell.silencer import SilencesAt


def _alerts_at(address: str, tls: str | None) -> AlertsAt | None:
    return AlertsAt(address, Path(tls) if tls else None) if address else None


def run_until_stopped(
    kubeconfig: str | None,
    listen: str,
    lease: bool,
    as_json: bool,
    verbose: bool,
    alerts: tuple[str, str | None, str, str],
) -> int:
    """Exit code: 0 told to stop, 1 could not go on, 2 no credentials."""
    log.set_up(as_json, verbose)
    if kubeconfig:
        # kopf logs in by itself, from the same file.
        os.environ["KUBECONFIG"] = kubeconfig
    try:
        taken, lease_times = _alerts_at(*alerts[:2]), Times() if lease else None
        silences = SilencesAt(*alerts[2:])
        asyncio.run(run(Settings(kubeconfig, listen, lease=lease_times, alerts=taken, silences=silences)))
    except ConfigException as error:
        sys.stderr.write(f"stanch: no credentials: {error}\n  give --kubeconfig, set KUBECONFIG, or run in a pod\n")
        return 2
    except YAMLError as error:
        sys.stderr.write(f"stanch: the kubeconfig is not valid YAML: {' '.join(str(error).split())[:300]}\n")
        return 2
    except Unanswered as error:
        sys.stderr.write(
            f"stanch: the API server does not answer: {error}\n  is the cluster up, and the kubeconfig its own?\n"
        )
        return 1
    except Exception as error:  # a pod log at 2 AM needs the sentence; the traceback is there with --verbose
        logging.getLogger("stanch").error("stopped: %s: %s", type(error).__name__, error, exc_info=verbose)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0
