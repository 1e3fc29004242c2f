"""The content-addressed cache: loaded models with their inputs, exported artifacts, outputs, and what failed.

    <root>/models/<model>_<hash8>/       model.pt, inputs.npz, meta.json, state.json
    <root>/artifacts/<model>_<hash8>/    the exporter's files, state.json
    <root>/failures/<model>_<hash8>/     logs, state.json with the error

An entry is written aside and renamed, so it is whole or not there. `state.json` holds what decided the entry, its
facts and the hash of every file, which is checked at each use: an entry of which anything was altered is not there
for `find`, and the next one built takes its place. Who builds, uses or takes away an entry holds a flock meanwhile
(`benchlib.artifacts.hold`), so that processes work on one cache together and the dead leave nothing held.

The cache holds pickles, which run code when they are opened: the root is its user's alone (mode 0700), and another
user's root is refused.

Only what we made is ever listed, made lean or taken away: an entry whose state, or whose marker (`.benchlib`, written
before anything else), carries our digest and the name and key that its folder is called after. A folder that is not
empty and no cache is refused as a root, and who only looks changes nothing.
"""

from benchlib.artifacts.entry import Entry, by_address, entries, find
from benchlib.artifacts.hold import Busy, let_go
from benchlib.artifacts.place import KINDS, STATE, claim, root, size_limit
from benchlib.artifacts.room import clean, delete, lean, lean_made_by, trim
from benchlib.artifacts.store import TRIAL, failed, obtain, storing

__all__ = [
    "KINDS", "STATE", "TRIAL", "Busy", "Entry", "by_address", "claim", "clean", "delete", "entries", "failed",
    "find", "lean", "lean_made_by", "let_go", "obtain", "root", "size_limit", "storing", "trim",
]  # fmt: skip
