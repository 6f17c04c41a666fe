"""What `cache-stats` and `cache-prune` say."""

from __future__ import annotations

from copypatch.cache import DiskStore, Store, show_size

_OFF = "cache: off"


def stats(store: Store) -> str:
    """Return where the cache is, what is in it, and its limit."""
    if not isinstance(store, DiskStore):
        return _OFF
    found = store.stats()
    if found is None:
        return f"cache: {store.folder} cannot be used"
    count, size = found
    return (
        f"cache: {store.folder}: {count} values, {show_size(size)} of {show_size(store.limit)} "
        "(cache_limit=SIZE changes that)"
    )


def prune(store: Store) -> str:
    """Shrink the cache to its limit, and return what was done."""
    if not isinstance(store, DiskStore):
        return _OFF
    dropped = store.prune()
    return f"cache: {store.folder} cannot be used" if dropped is None else f"cache: {dropped} values dropped"
