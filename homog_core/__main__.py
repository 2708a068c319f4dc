"""`python -m homog_core`."""

import sys

from homog_core.cli import main

sys.exit(main())
