"""Archives as upstream packs them, the same bytes for the same content, and their checksum files."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()


def pack(target: Path, top: str, members: Mapping[str, Path | bytes], level: int = 6) -> None:
    """Write an archive of members (name -> file or content), below a folder unless top is ''.

    A zip where the target's name ends so, else a tar.gz. Everything is 0755 and owned by root, as upstream has it;
    times are left out so that packing twice gives one digest. The archive appears whole or not at all.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.new")
    placed = {f"{top}/{name}" if top else name: content for name, content in sorted(members.items())}
    if target.suffix == ".zip":
        _write_zip(unfinished, placed, level)
    else:
        _write_tar(unfinished, placed, level)
    unfinished.rename(target)


def _write_zip(target: Path, members: Mapping[str, Path | bytes], level: int) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content if isinstance(content, bytes) else content.read_bytes())


def _write_tar(target: Path, members: Mapping[str, Path | bytes], level: int) -> None:
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", level, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT) as tar,
    ):
        for name, content in members.items():
            _add(tar, name, content)


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o755
    entry.uname = entry.gname = "root"
    if isinstance(content, bytes):
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    else:
        entry.size = content.stat().st_size
        with content.open("rb") as stream:
            tar.addfile(entry, stream)


def python_program(folder: Path, words: Mapping[str, str]) -> bytes:
    """A folder with __main__.py as one file that Python runs. words are put in the places of their keys."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), filled(path, words))
    return b"#!/usr/bin/env python3\n" + raw.getvalue()


def filled(path: Path, words: Mapping[str, str]) -> bytes:
    """Content of a text file, with words in the places of their keys."""
    text = path.read_text(encoding="utf-8")
    for key, word in words.items():
        text = text.replace(key, word)
    return text.encode()


def member(archive: Path, name: str) -> bytes:
    """Content of the member with that base name. Raises KeyError when there is none."""
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.name.rsplit("/", 1)[-1] == name and entry.isfile():
                content = tar.extractfile(entry)
                assert content is not None
                return content.read()
    raise KeyError(f"no {name} in {archive}")


def write_sums(target: Path, digests: Mapping[str, str]) -> None:
    """A sha256sums.txt: `<hex>  <name>` for each archive of the release."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.new")
    unfinished.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))
    unfinished.rename(target)


def read_sums(text: str) -> dict[str, str]:
    """name -> hex digest of a `<hex>  <name>` file; lines of other shapes are passed over."""
    pairs: Iterable[list[str]] = (line.split() for line in text.splitlines())
    return {pair[1].lstrip("*"): pair[0].lower() for pair in pairs if len(pair) == 2 and len(pair[0]) == 64}


def foreign_elf() -> bytes:
    """The head of a 64-bit arm64 program: enough for the kernel and for us to see that it is not for this machine."""
    identity = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header = (2, 183, 1)  # executable, AArch64, version 1
    words = header[0].to_bytes(2, "little") + header[1].to_bytes(2, "little") + header[2].to_bytes(4, "little")
    return (identity + words).ljust(4096, b"\0")
