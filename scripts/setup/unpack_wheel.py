"""Unpacks chosen files of a wheel and prints their sizes and sha256 as JSON.

Reads {"wheel": ..., "target": ..., "patterns": [...]} from standard input. Standard library only,
and old syntax: it runs on whatever python3 the machine has.
"""
import fnmatch
import hashlib
import json
import os
import sys
import zipfile

BLOCK = 1 << 20


def copy_member(archive, member, target):
    digest = hashlib.sha256()
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with archive.open(member) as source, open(target, "wb") as sink:
        while True:
            block = source.read(BLOCK)
            if not block:
                break
            digest.update(block)
            sink.write(block)
        # The folder is renamed into place right after: its content must be on the disk by then.
        sink.flush()
        os.fsync(sink.fileno())
    if (member.external_attr >> 16) & 0o100:
        os.chmod(target, 0o755)
    return digest.hexdigest()


def main():
    job = json.load(sys.stdin)
    target = os.path.realpath(job["target"])
    files = []
    unmatched = set(job["patterns"])
    with zipfile.ZipFile(job["wheel"]) as archive:
        for member in archive.infolist():
            matched = {p for p in job["patterns"] if fnmatch.fnmatchcase(member.filename, p)}
            if not matched or member.is_dir():
                continue
            unmatched -= matched
            path = os.path.realpath(os.path.join(target, member.filename))
            if not path.startswith(target + os.sep):
                sys.exit("The wheel holds a path outside itself: " + member.filename)
            sha256 = copy_member(archive, member, path)
            files.append({"path": member.filename, "bytes": member.file_size, "sha256": sha256})
    json.dump({"files": files, "unmatched": sorted(unmatched)}, sys.stdout)


main()
