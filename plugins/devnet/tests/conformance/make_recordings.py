"""Makes the compact recordings beside this script from the folder of the original ones.

    python make_recordings.py FOLDER

What is kept is what was asked and what was answered. The recorder's remarks go, and what follows from the rest.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent / "recordings"
KEPT = ("n", "transport", "port", "request", "response", "http_status", "stream", "message")


def compact(original: dict[str, Any]) -> dict[str, Any]:
    asked = [entry for entry in original["log"] if entry["transport"] != "note"]
    log = [{key: entry[key] for key in KEPT if key in entry} for entry in asked]
    return {"accounts": original["accounts"], "log": log}


def main(folder: Path) -> None:
    RECORDINGS.mkdir(exist_ok=True)
    for file in sorted(folder.glob("[0-9]*.json")):
        text = json.dumps(compact(json.loads(file.read_text(encoding="utf-8"))), separators=(",", ":"))
        # Without a time, so that the same originals give the same bytes.
        (RECORDINGS / f"{file.name}.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
