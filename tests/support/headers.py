"""What holds for every header with stencils, whoever wrote it."""

from __future__ import annotations

from copypatch import comparison, emitted, listing

# 3.15's optimizer puts labels of its own where there were relocations.
_WITHOUT_RELOCATION = ("patch_aarch64_19r", "patch_aarch64_16a", "patch_aarch64_16b")


def check_header(text: str, name: str) -> None:
    """A header is read, written back as it was, and every hole in its code has a name and a relocation."""
    header = emitted.parse_header(text, name)
    numbers = {function: ordinal for ordinal, function in header.trampolines.items()}
    written = "".join(emitted.write(one, numbers) for one in header.functions)
    start = text.index("\nvoid\nemit_") + 1
    assert text[start : start + len(written)] == written
    assert "emit_" not in text[start + len(written) :].partition("static const StencilGroup ")[0]
    for one in map(listing.make, header.functions):
        code = [hole for hole in one.holes if hole.part == "code"]
        assert [hole for instruction in one.instructions for hole in instruction.holes] == code
        assert all(hole.name for hole in one.holes)
        assert all(hole.kind or hole.function in _WITHOUT_RELOCATION for hole in code)
        assert sum(len(instruction.encoding) // 2 for instruction in one.copied) <= len(one.code)
    assert not comparison.compare(*[[*map(listing.make, header.functions)]] * 2).changed
