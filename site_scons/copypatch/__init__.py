"""copypatch: uop templates to copy-and-patch stencils, incrementally. docs/architecture.md is the map."""
