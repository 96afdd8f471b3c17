"""Lets `python -m emoedge` be the command `emoedge`."""

import sys

from emoedge.cli import main

sys.exit(main())
