"""Take the hashes out of recorded runs: `python nbs/check/migrate.py`. Once, then this file goes.

A record holds its settings and cases in plain words, and a test compares them with today's. Every
other byte stays as it is: the line of the hash is cut out of the text."""
import json
import re
import sys
from pathlib import Path


def migrate(path: Path) -> bool:
    "Cut the top-level `hash` and `seal` of a record; ValueError if anything else would change."
    text = path.read_text(encoding="utf-8")
    new = re.sub(r'(?m)^ "(?:hash|seal)": "[0-9a-f]+",\n', "", text)
    was = json.loads(text)
    if isinstance(was, dict): was = {k: v for k, v in was.items() if k not in ("hash", "seal")}
    if json.loads(new) != was: raise ValueError(f"{path}: more than a hash would change")
    if new != text: path.write_text(new, encoding="utf-8")
    return new != text


if __name__ == "__main__":
    runs = Path(__file__).parents[1] / "runs"
    changed = sum(migrate(path) for path in sorted(runs.glob("*.json")))
    sys.exit(print(f"{changed} records written"))
