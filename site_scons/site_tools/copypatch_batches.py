"""Batches of many nodes, without SCons's cost that grows with the square of their number.

For each node of a batch SCons asks the batch's executor for all targets, sources and children again, and searches
all batches for the node. With 285 uops that is a fifth of a clean build, with 5,000 it is minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import SCons.Executor

# SCons has no type stubs: its nodes are Any to us.
Node = Any


# What is remembered of batches that are complete, beside what SCons itself remembers for a while.
_TARGETS, _SOURCES, _BY_TARGET = "copypatch targets", "copypatch sources", "copypatch sources by target"
_CHILDREN, _PREREQUISITES = "copypatch children", "copypatch prerequisites"
_REMEMBERED = (_TARGETS, _SOURCES, _BY_TARGET, _CHILDREN, _PREREQUISITES)


class _LinearExecutor(SCons.Executor.Executor):  # type: ignore[misc]
    """An executor whose batches are complete, so that what is asked for again is looked up."""

    # What SCons's own class has, and no more: an executor becomes one of these after it was made.
    __slots__ = ()

    def get_all_targets(self) -> list[Node]:
        """Return the targets of all batches."""
        found: list[Node] = self._remember(
            _TARGETS, lambda: [node for batch in self.batches for node in batch.targets]
        )
        return found

    def get_all_sources(self) -> list[Node]:
        """Return the sources of all batches."""
        found: list[Node] = self._remember(
            _SOURCES, lambda: [node for batch in self.batches for node in batch.sources]
        )
        return found

    def get_all_children(self) -> list[Node]:
        """Return what the batches wait for: of the targets of another batch, the first one.

        All targets of a batch are one task, so they are pending, executing, built or failed together.
        """
        found: list[Node] = self._remember(_CHILDREN, self._representatives)
        return found

    def _representatives(self) -> list[Node]:
        found: dict[int, Node] = {}
        for batch in self.batches:
            for target in batch.targets:
                for child in target.children():
                    executor = getattr(child, "executor", None) if child.has_builder() else None
                    found.setdefault(id(executor or child), child)
        return list(found.values())

    def get_all_prerequisites(self) -> list[Node]:
        """Return the prerequisites of all batches."""
        found: list[Node] = self._remember(_PREREQUISITES, super().get_all_prerequisites)
        return found

    def get_unignored_sources(self, node: Node, ignore: Sequence[Node] = ()) -> list[Node]:
        """Return the sources of the batch that a node is a target of, or all of them for no node."""
        if node:
            found = self._remember(_BY_TARGET, self._sources_by_target).get(node, [])
        else:
            found = self.get_all_sources()
        return [source for source in found if source not in ignore] if ignore else found

    def _sources_by_target(self) -> dict[Node, list[Node]]:
        return {node: batch.sources for batch in self.batches for node in batch.targets}

    def cleanup(self) -> None:
        """Forget what may become wrong. SCons calls this after every single node of the batch."""
        kept = {what: self._memo[what] for what in _REMEMBERED if what in self._memo}
        super().cleanup()
        self._memo.update(kept)

    def _remember(self, what: str, make: Callable[[], Any]) -> Any:
        if what not in self._memo:
            self._memo[what] = make()
        return self._memo[what]


def make_linear(node: Node) -> None:
    """Make the executor of a node's batch answer in constant time; no node may be added to the batch after."""
    executor = node.get_executor()
    if type(executor) is SCons.Executor.Executor:
        executor.__class__ = _LinearExecutor
