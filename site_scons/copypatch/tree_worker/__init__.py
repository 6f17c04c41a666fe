"""The worker: runs the passes that ship in a CPython tree, from the tree, in a process of their own.

It is started with the tree's Tools/jit and the target, and imports nothing else of copypatch, so that the two
never get into each other's way. It knows the generators of 3.13 to 3.15 by what they have in common:
``driver.py`` drives them, ``commands.py`` knows what they say to the compiler, ``numbering.py`` what they number,
``state.py`` what they keep.
"""

from __future__ import annotations


class Refused(Exception):
    """The tree does something that the driver is not made for; the text says what."""


class OtherFlags(Refused):
    """The tree asks the compiler for something else than copypatch did, so nothing that it made is of use."""


def cause(error: BaseException) -> BaseException:
    """Return what was raised in the first of the tree's tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
