"""Nodes that are built whatever SCons knows of them.

With graph=auto the manifest has decided what is stale before a node is declared, and SCons's database forgets all
with the process (copypatch_database.py). So what SCons would find out about such a node, by reading and hashing it
and all that it is made from, is found out for nothing: a tenth of a clean build.
"""

from __future__ import annotations

from typing import Any

import SCons.Node.FS

# SCons has no type stubs: its nodes are Any to us.
Node = Any


class _DecidedFile(SCons.Node.FS.File):  # type: ignore[misc]
    """A file of which everything is decided: it takes part in the order of the build, and in nothing else."""

    # What SCons's own class has, and no more: a node becomes one of these after it was made.
    __slots__ = ()

    def get_csig(self) -> str:
        """Return no signature: nobody compares it."""
        return ""

    def get_ninfo(self) -> Any:
        """Return what is known of the file, which is nothing."""
        return self.new_ninfo()

    def make_ready(self) -> None:
        """Collect nothing of what the file is made from."""

    def prepare(self) -> None:
        """Make no folder and delete nothing: the steps see to that."""

    def built(self) -> None:
        """Look at nothing of what was built."""

    def visited(self) -> None:
        """Record nothing."""

    def release_target_info(self) -> None:
        """Keep what there is; it is little."""


def mark_decided(node: Node) -> None:
    """Let a node cost little, for a database that forgets. What has a builder is built, always."""
    node.set_always_build(node.has_builder())
    if type(node) is SCons.Node.FS.File:
        node.__class__ = _DecidedFile
        # 0: SCons stores nothing of it.
        node.store_info = 0
