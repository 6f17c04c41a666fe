"""The graph: what is made from what, described once for every executor.

An :class:`Edge` is one step for one uop, or for all of them. It says which files the step reads and writes; what
else decides its outputs (our own code, a key that stands for headers and flags) is its :meth:`Graph.state`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from copypatch import prefix, shim, stages, target_header
from copypatch.plan import Plan


class Work(Enum):
    """The kinds of steps; :mod:`copypatch.steps` carries them out."""

    SOURCE = "source"
    PREFIX = "prefix"
    COMPILE = "compile"
    SECTIONS = "sections"
    HOLES = "holes"
    FRAGMENT = "fragment"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Edge:
    """One step. *opname* is None where it is for all uops.

    *inputs* make the outputs stale when they change; *order_only* have to be there before, but something else
    stands for their content.
    """

    work: Work
    opname: str | None
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    order_only: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Graph:
    """The edges of one header."""

    plan: Plan

    def edges(self) -> Iterator[Edge]:
        """Yield all edges, each after those that make its inputs."""
        if self.prefix is not None:
            yield self.prefix
        for opname in self.plan.opnames:
            yield from self.chain(opname)
        yield self.merge

    @cached_property
    def prefix(self) -> Edge | None:
        """The precompiled include block, where the uops share one; the headers it reads are its state."""
        if not self.plan.expansion.shares_prefix:
            return None
        paths = self.plan.paths
        return Edge(Work.PREFIX, None, (), (paths.precompiled, paths.prefix))

    def chain(self, opname: str) -> list[Edge]:
        """Return the edges of a group in their order; the last one makes its fragment."""
        paths, compile_steps = self.plan.paths, self.plan.request.steps(opname)
        edges = []
        described: tuple[Path, ...] = ()
        if compile_steps:
            source = self._source(opname)
            if source is not None:
                edges.append(source)
            edges.append(self._compile(opname, source))
            described = (paths.sections(opname), paths.disassembly(opname))
            edges.append(Edge(Work.SECTIONS, opname, (paths.object(opname),), described))
        holes = (paths.holes(opname),)
        edges.append(Edge(Work.HOLES, opname, described, holes))
        edges.append(Edge(Work.FRAGMENT, opname, holes, (paths.fragment(opname),)))
        return edges

    @cached_property
    def merge(self) -> Edge:
        """The header, from all fragments."""
        fragments = tuple(self.plan.paths.fragment(opname) for opname in self.plan.opnames)
        return Edge(Work.MERGE, None, fragments, (self.plan.request.header, *shim.outputs(self.plan)))

    def state(self, edge: Edge) -> str:
        """Return all that decides the outputs of an edge beside its inputs, as text. Raises OSError."""
        request = self.plan.request
        match edge.work:
            case Work.SOURCE:
                return self._writer_of_sources
            case Work.PREFIX:
                return prefix.state(self.plan)
            case Work.COMPILE:
                key = self.plan.key(str(edge.opname))
                return key.hexdigest() if key is not None else "not expanded"
            case Work.SECTIONS:
                return f"{request.identity} {self._reader_of_objects}"
            case Work.HOLES:
                return f"{request.tree.dialect.name} {self._writer_of_holes}"
            case Work.FRAGMENT:
                return self._writer_of_fragments
            case Work.MERGE:
                return target_header.head(self.plan)

    def _source(self, opname: str) -> Edge | None:
        """The edge of a uop's C text; the entry's is the tree's own file."""
        if opname == self.plan.request.entry:
            return None
        sources = self.plan.request.tree.sources
        return Edge(Work.SOURCE, opname, (sources.template, sources.cases), (self.plan.paths.source(opname),))

    def _compile(self, opname: str, source: Edge | None) -> Edge:
        # The key covers the text and the include block as the compiler sees them, so a comment in either leaves
        # the object alone.
        outputs = tuple(self.plan.paths.compiled(opname, self.plan.request.steps(opname)))
        if source is None:
            return Edge(Work.COMPILE, opname, (self.plan.request.tree.sources.entry,), outputs)
        prefix = self.prefix.outputs if self.prefix is not None else ()
        return Edge(Work.COMPILE, opname, source.outputs, outputs, prefix)

    # Each is asked for once per uop.
    @cached_property
    def _writer_of_sources(self) -> str:
        return stages.digest_of("source")

    @cached_property
    def _reader_of_objects(self) -> str:
        return stages.digest_of("sections")

    @cached_property
    def _writer_of_holes(self) -> str:
        return stages.digest_of("holes")

    @cached_property
    def _writer_of_fragments(self) -> str:
        return stages.digest_of("fragment")
