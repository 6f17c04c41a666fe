"""The precompiled include block, which all uops of a plan share.

clang takes one that is damaged, or was made with other flags, without a word, and rejects one whose headers have
other mtimes. So a record beside it says of what it was made, and what it is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from copypatch.errors import CompileError
from copypatch.files import digest, digest_file, holds, remove, write_if_changed
from copypatch.plan import Plan
from copypatch.process import Runner


def state(plan: Plan) -> str:
    """Return a digest of what decides the precompiled include block, the state of every header among it.

    clang insists on headers with the very mtimes that it saw, so their files count, not their expanded text.
    """
    request = plan.request
    fields = [plan.texts.template.prefix, plan.expansion.written, *request.prefix_command(), request.identity]
    return digest("\0".join(fields))


def precompile(plan: Plan, runner: Runner) -> str:
    """Make sure of the precompiled include block; return clang's warnings, if it had to be made.

    Raises CompileError with clang's errors, OutputError.
    """
    prefix, precompiled = plan.paths.prefix, plan.paths.precompiled
    record = precompiled.with_suffix(".json")
    now = state(plan)
    # clang takes a damaged file, or one that was made with other flags, without a word.
    restored = write_if_changed(prefix, plan.texts.template.prefix)
    if not restored and precompiled.is_file() and holds(record, _record(now, precompiled)):
        return ""
    result = runner.run(plan.request.prefix_command(), cwd=prefix.parent)
    # The messages name our copy of the include block, whose lines are the template's.
    messages = re.sub(rf"(?:\./)?{re.escape(prefix.name)}:", f"{plan.texts.template.path}:", result.stderr)
    if result.status:
        remove([precompiled, record])
        raise CompileError(f"{messages.rstrip()}\n{plan.texts.template.path}: its include block does not compile")
    write_if_changed(record, _record(now, precompiled))
    return messages


def _record(now: str, precompiled: Path) -> str:
    return json.dumps({"state": now, "precompiled": digest_file(precompiled)})
