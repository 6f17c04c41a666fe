"""What depends on what: the nodes that docs/architecture.md draws, for one header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from copypatch import stages, steps
from copypatch.compile import prefix_state
from copypatch.files import holds
from copypatch.freshness import Verdict
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


_COMPILED = (".o", ".ll")
_COVERED_BY_KEY = (".c", ".h", ".pch")


def declare_header(env: Environment, header: Header, *, whole_chain: bool) -> Node:
    """Declare one target's nodes, as docs/architecture.md draws them; return the header's.

    A uop that is up to date is declared as its fragment alone, unless *whole_chain* is wanted.
    """
    plan = header.plan
    stale = [opname for opname, decision in header.decisions.items() if decision.verdict is Verdict.STALE]
    if not whole_chain and not env.GetOption("no_exec") and any(map(plan.uses_prefix, stale)):
        steps.begin_prefix(plan, env["STENCIL_SESSION"].context)
    chain = _Chain(env, plan, decided=not whole_chain)
    fragments = []
    for opname in plan.opnames:
        decision = header.decisions[opname]
        if decision.verdict is not Verdict.STALE and not whole_chain:
            fragments.append(chain.leaf(opname))
        else:
            fragments.append(chain.declare(opname, from_scratch=decision.verdict is not Verdict.FRESH))
    chain.close()
    node = env.StencilHeader(file_node(env, plan.request.header), [*fragments, env.Value(steps.header_head(plan))])[
        0
    ]
    if not header.current:
        # SCons knows that it built a header once; whether it still is that header, the manifest knows.
        env.AlwaysBuild(node)
    # SCons would delete the old header before it tries to make the new one.
    env.Precious(node)
    env.Clean(node, str(plan.paths.folder).replace("$", "$$"))
    return node


def declare_dispatcher(env: Environment, session: Session, path: Path, headers: Sequence[Node]) -> Node:
    """Declare the header that picks the target's; it follows those, so that a failed build leaves it alone."""
    text = steps.dispatcher_text(session.plans)
    node = env.StencilDispatcher(file_node(env, path), env.Value(text))[0]
    env.Depends(node, headers)
    env.Precious(node)
    if not holds(path, text):
        env.AlwaysBuild(node)
    return node


def file_node(env: Environment, path: Path) -> Node:
    """Return the node of a file, whose name is no text to substitute variables in."""
    return env.fs.File(str(path))


class _Chain:
    """Declares the chains of a plan's uops; what they share is declared once.

    *decided*: the manifest has decided what is stale, so SCons need not.
    """

    def __init__(self, env: Environment, plan: Plan, *, decided: bool) -> None:
        self._env = env
        self._plan = plan
        self._decided = decided
        # One node of each batch.
        self._batches: dict[int, Node] = {}
        request = plan.request
        sources = request.tree.sources
        # What is decided needs no reading of what it is made from.
        texts = () if decided else (sources.template, sources.cases)
        self._texts = [*(file_node(env, path) for path in texts), env.Value(stages.digest_of("source"))]
        self._tools = env.Value(f"{request.identity} {stages.digest_of('sections')}")
        self._rules = env.Value(f"{request.tree.dialect.name} {stages.digest_of('holes')}")
        self._writer = env.Value(stages.digest_of("fragment"))
        self._prefix = self._declare_prefix() if plan.expansion.shares_prefix else []

    def leaf(self, opname: str) -> Node:
        """Declare the fragment of a group that is up to date, and return it."""
        node = file_node(self._env, self._plan.paths.fragment(opname))
        mark_decided(node)
        return node

    def declare(self, opname: str, *, from_scratch: bool) -> Node:
        """Declare a group's chain and return its fragment; *from_scratch*: whatever is there does not count."""
        env, paths = self._env, self._plan.paths
        nodes: list[Node] = []
        sections: list[Node] = []
        compile_steps = self._plan.request.steps(opname)
        if compile_steps:
            outputs = self._files(*paths.compiled(opname, compile_steps))
            nodes += env.UopObject(outputs, [*self._source(opname), *self._text(opname)])
            described = self._files(paths.sections(opname), paths.disassembly(opname))
            sections = env.UopSections(described, [nodes[0], self._tools])
        holes = env.UopHoles(self._files(paths.holes(opname)), [*sections, self._rules])
        fragment = env.UopFragment(self._files(paths.fragment(opname)), [*holes, self._writer])
        for node in (*nodes, *sections, *holes, *fragment):
            # What comes out the same is left as it is; and what is lost here could not be told from damage.
            node.set_precious()
            if from_scratch:
                node.set_always_build()
            if self._decided:
                mark_decided(node)
        for node in (*nodes[:1], *sections[:1], *holes, *fragment):
            self._batches[id(node.get_executor())] = node
        return fragment[0]

    def close(self) -> None:
        """Say that all chains are declared."""
        for node in self._batches.values():
            make_linear(node)

    def _files(self, *paths: Path) -> list[Node]:
        return [file_node(self._env, path) for path in paths]

    def _text(self, opname: str) -> list[Node]:
        """The key of a uop's object, for SCons to compare with the last one's."""
        if self._decided:
            return []
        key = self._plan.key(opname)
        return [self._env.Value(key.hexdigest() if key is not None else "not expanded")]

    def _source(self, opname: str) -> list[Node]:
        if opname == self._plan.request.entry:
            return self._files(self._plan.request.tree.sources.entry)
        source = self._env.UopSource(self._files(self._plan.paths.source(opname)), self._texts)
        if self._decided:
            mark_decided(source[0])
        self._batches[id(source[0].get_executor())] = source[0]
        return [*source, *self._prefix]

    def _declare_prefix(self) -> list[Node]:
        paths = self._plan.paths
        outputs = self._files(paths.precompiled, paths.prefix)
        nodes = self._env.UopPrefix(outputs, [self._env.Value(prefix_state(self._plan))])
        self._env.Precious(nodes)
        return list(nodes)
