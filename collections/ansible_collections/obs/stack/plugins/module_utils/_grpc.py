# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The bytes of one empty gRPC call, and the status in its answer: what a check needs without a gRPC library. Pure.

HTTP/2 is RFC 9113, its header compression RFC 7541. Headers of ours are literals; of the answer only two are read,
which the first answer on a connection cannot have in its table yet.
"""

from __future__ import annotations

import struct
import typing as t

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, GOAWAY, CONTINUATION = 0, 1, 3, 4, 7, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
HEAD = 9
STREAM = 1
# "grpc-status" as it is, and in the Huffman code of RFC 7541, appendix B.
NAMES = (b"grpc-status", b"\x9a\xca\xc8\xb2\x12\x34\xda\x8f")
DIGITS = {"00000": "0", "00001": "1", "00010": "2", **{"{0:06b}".format(0x19 + n): str(3 + n) for n in range(7)}}
# Entries of the static table that are a status by themselves.
STATUSES = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def call(path: str, authority: str, scheme: str) -> bytes:
    """Everything a client sends for a call with an empty message."""
    block = b"\x83" + (b"\x87" if scheme == "https" else b"\x86")
    # :path, :authority and content-type by their numbers in the static table, te by its name; all not to be indexed.
    block += b"\x04" + _text(path) + b"\x01" + _text(authority)
    block += b"\x0f\x10" + _text("application/grpc") + b"\x00" + _text("te") + _text("trailers")
    return (
        PREFACE
        + frame(SETTINGS, 0, 0)
        + frame(HEADERS, END_HEADERS, STREAM, block)
        + frame(DATA, END_STREAM, STREAM, b"\0" * 5)
    )


def _text(value: str) -> bytes:
    data = value.encode()[:126]
    return bytes([len(data)]) + data


def head(data: bytes) -> tuple[int, int, int, int]:
    """Length, kind, flags and stream of a frame, from its first nine bytes."""
    length = int.from_bytes(data[:3], "big")
    return length, data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7FFFFFFF


def http_status(block: bytes) -> int | None:
    """The HTTP status at the beginning of an answer's headers."""
    # The size of the table may be told first.
    while block and block[0] & 0xE0 == 0x20:
        block = block[1:]
    if not block:
        return None
    if block[0] in STATUSES:
        return STATUSES[block[0]]
    return _number(block[1:]) if block[0] in (0x08, 0x18, 0x48) else None


def grpc_status(block: bytes) -> int | None:
    """The status of a call in headers or trailers, where they have it."""
    for name in NAMES:
        _before, found, after = block.partition(name)
        if found:
            return _number(after)
    return None


def _number(data: bytes) -> int | None:
    """A number that is a string of HPACK."""
    if not data:
        return None
    value = data[1 : 1 + (data[0] & 0x7F)]
    text = _digits(value) if data[0] & 0x80 else value.decode("latin-1")
    return int(text) if text.isdigit() else None


def _digits(data: bytes) -> str:
    bits: t.Any = "".join("{0:08b}".format(byte) for byte in data)
    text = ""
    while True:
        digit = next((code for code in DIGITS if bits.startswith(code)), "")
        if not digit:
            return text
        text, bits = text + DIGITS[digit], bits[len(digit) :]
