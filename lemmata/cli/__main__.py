"""`python -m lemmata.cli`: the same as `lemmata`."""

import sys

from lemmata.cli import main

if __name__ == "__main__":
    sys.exit(main())
