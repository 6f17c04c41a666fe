"""The releases of which the tests have proved that our own code writes what their generator does, byte for byte.

By dialect and version: the sha256 of those files of Tools/jit that make C text of an object. ``build.py`` and
``_llvm.py`` do not, so they are not here. tests/unit/test_releases.py compares with the trees that there are, and
docs/dialects.md says how to add a release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

_SCHEMA = "a11df06ae2a0f62740c7fedb10d359d56f9c4cbc84022c6cfd329f5318ded3e0"
_STENCILS_3_14 = "b00e496b3f56917fa4eb4f2df2b9cfa62f971167aeeecb0e8568887e8d61f13e"
_WRITER_3_14 = "e620915abf56886a2992a9d001ea84d44407fec087a561c5c80a13b151f88210"

PROVED: Mapping[str, Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "3.13": {
            "3.13.5": {
                "_schema.py": _SCHEMA,
                "_stencils.py": "c00f7e818c26cfe432c5e9344c4e846db17cd2401d788f50df4512e2a1cf76ae",
                "_targets.py": "6f5dbb66b1956c74a5c25dcea0abda228b6bffb219ab5b83f1e56d206a72fd6f",
                "_writer.py": "bb99238ad30a8ed3f893d3b81a96d578008f2ab23aaceef0496cab09fc928831",
            },
            "3.13.15": {
                "_schema.py": _SCHEMA,
                "_stencils.py": "771d05a45c7af45062fabf1a9dc7ba1b06f79f65b911d250c3a4071504f0308f",
                "_targets.py": "3551dcee1ae68d776b13038a522cc8394922dffb98214ead854e85b53e3e47b0",
                "_writer.py": "adfb57408f55465be21722af313713f874835f0f2c85804f4aa975d7c1f785d2",
            },
        },
        "3.14": {
            "3.14.7": {
                "_schema.py": _SCHEMA,
                "_stencils.py": _STENCILS_3_14,
                "_targets.py": "5c2c405bf70bd1f423e6a2b7d0e941f32bbd6f3259285cbe7709a98e711f4f15",
                "_writer.py": _WRITER_3_14,
            },
            "3.14.10": {
                "_schema.py": _SCHEMA,
                "_stencils.py": _STENCILS_3_14,
                "_targets.py": "1f5ace0665bb769661f23f2e94b06791622b459e0f4b735e2f428e4b7e1a2a18",
                "_writer.py": _WRITER_3_14,
            },
        },
    }
)


def has_native(dialect: str) -> bool:
    """Tell whether there is code of ours that makes C text of a dialect's objects."""
    return dialect in PROVED


def is_proved(dialect: str, files: Mapping[str, str]) -> bool:
    """Tell whether *files* (digests by name) are those of one release of the dialect."""
    return any(files == release for release in PROVED.get(dialect, {}).values())


def unknown(dialect: str, files: Mapping[str, str]) -> Sequence[str]:
    """Return the names of those of *files* that no release of the dialect has like this."""
    releases = PROVED.get(dialect, {}).values()
    return [name for name, digest in files.items() if all(one.get(name) != digest for one in releases)]
