# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_judgements: what a measurement means."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _judgements

x509 = pytest.importorskip("cryptography.x509")
DAY = 86400.0
UTC = datetime.timezone.utc


def der(until: datetime.datetime) -> bytes:
    """A certificate that is valid until then."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # A long name makes lengths of more than one byte.
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "n" * 60)] * 4)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(until - datetime.timedelta(days=400))
    made = built.not_valid_after(until).sign(key, hashes.SHA256())
    return bytes(made.public_bytes(serialization.Encoding.DER))


@pytest.mark.parametrize(
    "until",
    [
        datetime.datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC),
        datetime.datetime(1999, 12, 31, tzinfo=UTC),
        datetime.datetime(2060, 1, 1, tzinfo=UTC),
    ],
)
def test_not_after_is_what_the_certificate_says(until: datetime.datetime) -> None:
    assert _judgements.not_after(der(until)) == until.timestamp()


def test_a_certificate_of_version_1_has_no_version() -> None:
    def sequence(*parts: bytes, tag: int = 0x30) -> bytes:
        body = b"".join(parts)
        return bytes([tag, len(body)]) + body

    validity = sequence(sequence(b"200101000000Z", tag=0x17), sequence(b"300101000000Z", tag=0x17))
    old = sequence(sequence(b"\x02\x01\x05", sequence(), sequence(), validity, sequence()))
    assert _judgements.not_after(old) == datetime.datetime(2030, 1, 1, tzinfo=UTC).timestamp()


def test_what_is_no_certificate_is_refused() -> None:
    good = der(datetime.datetime(2031, 2, 3, tzinfo=UTC))
    for data in (b"", b"0", b"\x30\x82", good[:100], b"\x30\x03\x30\x01\x02"):
        with pytest.raises(ValueError, match="not a certificate"):
            _judgements.not_after(data)
    with pytest.raises(ValueError, match="no certificate"):
        _judgements.certificates(b"text")


def test_a_file_may_hold_several_certificates() -> None:
    from ssl import DER_cert_to_PEM_cert

    all_of_them = [der(datetime.datetime(2030 + year, 1, 1, tzinfo=UTC)) for year in range(2)]
    text = "a comment\n" + "\n".join(DER_cert_to_PEM_cert(item) for item in all_of_them)
    assert _judgements.certificates(text.encode()) == all_of_them


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        (31, "ok", "31 days left"),
        (29, "warning", "29 days left"),
        (6, "WRONG", "6 days left"),
        (1.9, "WRONG", "1 day left"),
        (-1, "WRONG", "expired on"),
    ],
)
def test_the_first_to_expire_counts(days: float, state: str, words: str) -> None:
    now = 1.7e9
    found = _judgements.certificate([now + 900 * DAY, now + days * DAY], now, 30, 7)
    assert found[0] == state and words in found[1]


def test_offset_is_known_up_to_the_time_the_answer_took() -> None:
    # Asked at 100, answered at 103; the other looked at its clock twice, 1 s apart, and is 50 s ahead.
    assert _judgements.offset(100.0, 103.0, 151.0, 152.0) == (49.0, 51.0)


@pytest.mark.parametrize(
    ("bounds", "kept", "state", "words"),
    [
        ((-0.2, 0.5), True, "ok", "synchronised; within 0.5 s"),
        ((-0.2, 0.5), False, "warning", "not synchronised; within"),
        ((-0.2, 0.5), None, "warning", "not known"),
        ((-3.0, 4.0), True, "ok", "within 4.0 s"),
        ((2.0, 4.0), True, "warning", "2.0 s ahead of the controller"),
        ((-40.0, -20.0), True, "WRONG", "20.0 s behind the controller"),
    ],
)
def test_a_clock_is_judged_by_what_it_is_off_at_least(
    bounds: tuple[float, float], kept: bool | None, state: str, words: str
) -> None:
    found = _judgements.clock(bounds, kept, 1, 10)
    assert found[0] == state and words in found[1]


@pytest.mark.parametrize(("free", "state"), [(16, "ok"), (14, "warning"), (4, "WRONG")])
def test_disk(free: int, state: str) -> None:
    assert _judgements.disk(free << 30, 100 << 30, 15, 5) == (state, f"{free}% of 100.0 GiB free")
    assert _judgements.disk(0, 0, 15, 5)[0] == "WRONG"


def test_http_status() -> None:
    assert _judgements.http_status(302, []) == ("ok", "HTTP 302")
    assert _judgements.http_status(404, []) == ("WRONG", "HTTP 404")
    assert _judgements.http_status(403, [200, 403]) == ("ok", "HTTP 403")
    assert _judgements.http_status(200, [403]) == ("WRONG", "HTTP 200 instead of 403")
