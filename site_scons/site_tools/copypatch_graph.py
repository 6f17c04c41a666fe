"""What depends on what: the nodes that docs/architecture.md draws, for one header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from copypatch import dispatchers, steps
from copypatch.files import holds
from copypatch.freshness import Verdict
from copypatch.graph import Edge, Graph, Work
from copypatch.plan import Plan
from copypatch.session import Header, Session
from site_tools.copypatch_batches import make_linear
from site_tools.copypatch_nodes import mark_decided

# SCons has no type stubs: its environments and nodes are Any to us.
Environment = Any
Node = Any


def changed(dependency: Node, target: Node, prev_ni: object, repo_node: Node | None = None) -> bool:
    """Decide whether a dependency makes a target stale: by content, but for what a key stands for already.

    The key of an object covers its source and the include block as the compiler sees them, so a comment in
    either leaves it alone. They have to be there before it all the same, hence the dependency.
    """
    if target.name.endswith(_COMPILED) and dependency.name.endswith(_COVERED_BY_KEY):
        return False
    return bool(dependency.changed_content(target, prev_ni, repo_node))


_COMPILED = (".o", ".ll", ".s")
_COVERED_BY_KEY = (".c", ".h", ".pch")


def declare_header(env: Environment, header: Header, *, whole_chain: bool) -> Node:
    """Declare one target's nodes, as docs/architecture.md draws them; return the header's.

    A uop that is up to date is not declared, unless *whole_chain* is wanted: the merge reads its fragment, on which
    the manifest has decided.
    """
    plan = header.plan
    stale = [opname for opname, decision in header.decisions.items() if decision.verdict is Verdict.STALE]
    if not whole_chain and not env.GetOption("no_exec"):
        steps.begin(plan, stale, env["STENCIL_SESSION"].context)
    chain = _Chain(env, plan, decided=not whole_chain)
    for opname in plan.opnames:
        decision = header.decisions[opname]
        if decision.verdict is Verdict.STALE or whole_chain:
            chain.declare(opname, from_scratch=decision.verdict is not Verdict.FRESH)
    nodes = chain.header()
    node = nodes[0]
    if not header.current:
        # SCons knows that it built a header once; whether it still is that header, the manifest knows.
        env.AlwaysBuild(nodes)
    # SCons would delete the old header before it tries to make the new one.
    env.Precious(nodes)
    env.Clean(node, str(plan.paths.folder).replace("$", "$$"))
    return node


def declare_dispatcher(env: Environment, session: Session, path: Path, headers: Sequence[Node]) -> Node:
    """Declare the header that picks the target's; it follows those, so that a failed build leaves it alone."""
    texts = dispatchers.texts(path, session.plans)
    nodes = env.StencilDispatcher([file_node(env, file) for file in texts], env.Value("".join(texts.values())))
    env.Depends(nodes, headers)
    env.Precious(nodes)
    if not all(holds(file, text) for file, text in texts.items()):
        env.AlwaysBuild(nodes)
    return nodes[0]


def file_node(env: Environment, path: Path) -> Node:
    """Return the node of a file, whose name is no text to substitute variables in."""
    return env.fs.File(str(path))


# The builder of each kind of edge; see copypatch_actions.py.
_BUILDERS: Mapping[Work, str] = {
    Work.SOURCE: "UopSource",
    Work.PREFIX: "UopPrefix",
    Work.COMPILE: "UopObject",
    Work.SECTIONS: "UopSections",
    Work.HOLES: "UopHoles",
    Work.FRAGMENT: "UopFragment",
    Work.MERGE: "StencilHeader",
}


class _Chain:
    """Declares the edges of a plan's uops; what they share is declared once.

    *decided*: the manifest has decided what is stale, so SCons need not, and is told nothing to compare.
    """

    def __init__(self, env: Environment, plan: Plan, *, decided: bool) -> None:
        self._env = env
        self._graph = Graph(plan)
        self._decided = decided
        self._nodes: dict[Path, Node] = {}
        # One node of each batch.
        self._batches: dict[int, Node] = {}
        if self._graph.prefix is not None:
            env.Precious(self._declare(self._graph.prefix))

    def declare(self, opname: str, *, from_scratch: bool) -> Node:
        """Declare a group's chain and return its fragment; *from_scratch*: whatever is there does not count."""
        nodes: list[Node] = []
        for edge in self._graph.chain(opname):
            nodes = self._declare(edge)
            self._batches[id(nodes[0].get_executor())] = nodes[0]
            for node in nodes:
                if edge.work is not Work.SOURCE:
                    # What comes out the same is left as it is; what is lost here could not be told from damage.
                    node.set_precious()
                    node.set_always_build(from_scratch)
                if self._decided:
                    mark_decided(node)
        return nodes[0]

    def header(self) -> list[Node]:
        """Declare the header over all fragments, and return it and what is made with it.

        No chain may be declared after.
        """
        for node in self._batches.values():
            make_linear(node)
        return self._declare(self._graph.merge)

    def _declare(self, edge: Edge) -> list[Node]:
        """Declare an edge and return its outputs."""
        inputs = [*edge.inputs, *edge.order_only]
        state: list[Node] = []
        if not self._decided:
            state = [self._env.Value(self._graph.state(edge))]
        elif edge.work in (Work.SOURCE, Work.COMPILE, Work.MERGE):
            # The tree's own files, and fragments that are up to date, would be looked at for nothing.
            inputs = [path for path in inputs if path in self._nodes]
        build = getattr(self._env, _BUILDERS[edge.work])
        nodes: list[Node] = build(list(map(self._file, edge.outputs)), [*map(self._file, inputs), *state])
        return nodes

    def _file(self, path: Path) -> Node:
        node = self._nodes.get(path)
        if node is None:
            node = self._nodes[path] = file_node(self._env, path)
        return node
