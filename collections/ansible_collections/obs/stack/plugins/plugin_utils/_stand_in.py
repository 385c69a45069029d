# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Content for a file that only the host has, so that a checker gets past it and judges the rest."""

from __future__ import annotations

import datetime
import functools

# A document without content, where a checker would parse one.
DOCUMENTS = {".json": b"[]\n", ".yml": b"", ".yaml": b"", ".rules": b""}


def stand_in_for(path: str) -> bytes:
    """Content that takes the place of a file: an empty document by its suffix, else a certificate with its key.

    The one certificate serves as authority, certificate, key and any text, so a pair of two files matches.
    """
    suffix = path[path.rfind(".") :] if "." in path.rpartition("/")[2] else ""
    return DOCUMENTS[suffix] if suffix in DOCUMENTS else certificate_with_key()


@functools.lru_cache(maxsize=1)
def certificate_with_key() -> bytes:
    """A self-signed certificate and its key, of no use to anybody, in one PEM text."""
    # Imported when needed: most tasks of a run have no use for it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private
