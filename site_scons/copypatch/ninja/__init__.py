"""The other executor: ninja runs the same graph, for the inner loop. docs/ninja.md tells how.

``build_file`` writes build.ninja from :mod:`copypatch.graph`; ``__main__`` is what its rules run: ``split``,
``headers``, ``stencils`` and the small steps beside them, each one process for all uops. ``turns`` is what makes
scons and ninja safe in one folder.
"""
