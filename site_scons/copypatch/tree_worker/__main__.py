"""Starts the worker, for a Python that has nothing of ours on its path, and leaves it so for the tree's modules."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from copypatch.tree_worker.answers import answer_all

del sys.path[0]

if __name__ == "__main__":
    # Whoever started it may have no use for it after all, or be interrupted.
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        answer_all()
    os._exit(0)
