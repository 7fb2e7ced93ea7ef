"""Entry point of `python3 tools/testcluster`.

Kept in syntax any Python 3 can parse, so that a too old one is told so instead of failing with a SyntaxError.
"""

import os
import sys

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    sys.stderr.write(
        "testcluster: python3 here is %d.%d, but %d.%d or newer is needed.\n"  # noqa: UP031 - old Pythons parse this
        "  remedy: install a newer Python and run it by name, for example: python3.12 tools/testcluster up\n"
        % (sys.version_info[0], sys.version_info[1], NEEDED[0], NEEDED[1])
    )
    raise SystemExit(1)

# Run by sudo, byte code would be files of root in the user's tree.
sys.dont_write_bytecode = True

# Run as a directory, Python puts that directory on sys.path; the package lives one above.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from testcluster.cli import main  # noqa: E402 - only after the version check

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
