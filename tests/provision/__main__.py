"""python -m provision [--offline] [--write FILE] brings all places, and says where they are."""

import argparse
import json
import os
import sys
from pathlib import Path

from provision.places import PLACES, known, provide
from provision.steps import Failed, say


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m provision", description=__doc__)
    parser.add_argument("--offline", action="store_true", help="fetch nothing: use what is there already")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the variables to FILE, as JSON")
    arguments = parser.parse_args()
    try:
        provided = known(os.environ) if arguments.offline else provide(os.environ)
    except Failed as error:
        sys.exit(f"copypatch: {error}")

    if arguments.write:
        arguments.write.write_text(json.dumps(provided.environ(), indent=1), encoding="utf-8")
    else:
        for name, place in provided.places.items():
            print(f"{name}={place}")
    for reason in dict.fromkeys(provided.missing.values()):
        names = [name for name in PLACES if provided.missing.get(name) == reason]
        say(f"without {', '.join(names)}: {reason}")
    if provided.failures and os.environ.get("CI"):
        # A run that quietly tests less than it should is worse than one that fails.
        sys.exit("copypatch: what the tests need could not be brought, and this is CI (CI is set)")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ncopypatch: interrupted; the same command goes on from here")
