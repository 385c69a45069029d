# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Ask S3 for a bucket: the signed request and what the answer means. Pure.

Signature version 4: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils._findings import OK, WARNING, WRONG

ALGORITHM = "AWS4-HMAC-SHA256"
# The rights that Thanos, Loki and Tempo need include this one; one entry is enough to see it.
QUERY = "list-type=2&max-keys=1"
EMPTY = hashlib.sha256(b"").hexdigest()
DEFAULT_REGION = "us-east-1"
REFUSED_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch")
_AWS = re.compile(r"^s3[.-](?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com")


class Request(t.NamedTuple):
    """A GET: its path with query, and its headers, ``Host`` among them."""

    path: str
    headers: dict[str, str]


def region_of(endpoint: str, region: str) -> str:
    """The region to sign for: the one given, the one in AWS' name of the endpoint, or the first there was."""
    found = _AWS.match(endpoint)
    return region or (found.group(1) if found else DEFAULT_REGION)


def request(
    host: str,
    bucket: str,
    region: str,
    access_key: str,
    secret_key: str,
    now: float,
    *,
    path_style: bool = True,
    query: str = QUERY,
) -> Request:
    """The request that lists one entry of a bucket.

    Args:
        host: of the endpoint, with its port where it is not the scheme's own.
        bucket: its name.
        region: to sign for.
        access_key, secret_key: the keys; without them the request is not signed.
        now: seconds since the epoch.
        path_style: whether the bucket stands in the path instead of the host.
        query: of the request, its parameters in order.
    """
    path = "/" + bucket if path_style else "/"
    if not path_style:
        host = "{0}.{1}".format(bucket, host)
    if not access_key:
        return Request("{0}?{1}".format(path, query), {"Host": host})
    moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
    headers = {"host": host, "x-amz-content-sha256": EMPTY, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = ["{0}:{1}".format(name, value) for name, value in headers.items()]
    canonical = "\n".join(["GET", path, query, *lines, "", names, EMPTY])
    scope = "{0}/{1}/s3/aws4_request".format(day, region)
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret_key).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    authorization = "{0} Credential={1}/{2}, SignedHeaders={3}, Signature={4}".format(
        ALGORITHM, access_key, scope, names, signature
    )
    return Request(
        "{0}?{1}".format(path, query),
        {"Host": host, "x-amz-content-sha256": EMPTY, "x-amz-date": stamp, "Authorization": authorization},
    )


def judge(status: int, body: str, bucket: str, *, signed: bool) -> tuple[str, str]:
    """Judge the answer to :func:`request`.

    Args:
        status, body: of the answer.
        bucket: its name.
        signed: whether keys were used; otherwise the host's instance profile is to let the services in.
    """
    code = _tag(body, "Code")
    if status == 200 and "<ListBucketResult" in body:
        if signed:
            return OK, "bucket {0} can be listed".format(bucket)
        return WARNING, "bucket {0} can be listed by anybody: it is public".format(bucket)
    if not code:
        return WRONG, "HTTP {0}, which is no answer of S3: is it the endpoint, and is insecure right?".format(status)
    if code == "NoSuchBucket":
        return WRONG, "there is no bucket {0}; make it, the stack never does".format(bucket)
    if code == "AccessDenied" and not signed:
        return OK, "S3 answers; whether the instance profile lets in is not asked"
    if code in REFUSED_KEYS:
        return WRONG, "{0}: the keys are refused".format(code)
    hint = " (docs/aws.md names the rights)" if code == "AccessDenied" else ""
    return WRONG, "{0}: {1}{2}".format(code, _tag(body, "Message")[:160] or "HTTP {0}".format(status), hint)


def _tag(body: str, name: str) -> str:
    found = re.search("<{0}>([^<]*)</{0}>".format(name), body)
    return found.group(1).strip() if found else ""


def stores(settings: Mapping[str, t.Any]) -> dict[str, str]:
    """A role's own settings of a bucket under common names; empty where there is none.

    Without an endpoint it is AWS' own of the region.
    """
    config = settings.get("config", settings) or {}
    names = {
        "bucket": ("bucket", "bucketnames"),
        "endpoint": ("endpoint",),
        "region": ("region",),
        "access_key": ("access_key", "access_key_id"),
        "secret_key": ("secret_key", "secret_access_key"),
    }
    found = {key: str(next((config[name] for name in given if config.get(name)), "")) for key, given in names.items()}
    if found["region"] and not found["endpoint"]:
        found["endpoint"] = "s3.{0}.amazonaws.com".format(found["region"])
    return found if found["bucket"] and found["endpoint"] else {}
