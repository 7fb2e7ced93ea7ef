"""`python -m tools.demo up|down`. Exit 0 of `up` means: the service recovered, seen from outside."""

import subprocess
import sys
from collections.abc import Sequence

from tools.demo import background, story
from tools.demo.screen import DemoError, Screen
from tools.install import InstallError


def main(words: Sequence[str]) -> int:
    """Entry point."""
    if list(words) == ["down"]:
        return story.down()
    if list(words) != ["up"]:
        print(__doc__, file=sys.stderr)
        return 2
    screen = Screen()
    try:
        story.up(screen)
    except (DemoError, InstallError, subprocess.TimeoutExpired) as failed:
        print(
            f"\ndemo: FAILED after {screen.elapsed():.0f}s, in scene {screen.number}: {screen.scene}", file=sys.stderr
        )
        print(f"  seen: {failed}", file=sys.stderr)
        print(f"  operator's log: {background.LOG}; its end:\n{background.tail()}", file=sys.stderr)
        print(f"  cluster: export KUBECONFIG={story.KUBECONFIG}\n  clean up: make demo-down", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; clean up with make demo-down", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
