"""Whether a request carries the signature of somebody who is known, and who that is.

The signature is recomputed by botocore, AWS's own client library, from the request as it came in.
Sources: the general reference on Signature Version 4 (five minutes of tolerance for Lambda), the
developer guide's "Control access to Lambda function URLs", CloudFront's developer guide on Lambda
origins ("Lambda doesn't support unsigned payloads"), and answers of the live service as published
in issues and questions; their wording is kept, because clients look for it.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

SERVICE = "lambda"
TOLERANCE = timedelta(minutes=5)
STAMP = "%Y%m%dT%H%M%SZ"
SHAPE = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


class Refusal(Exception):
    """What the client is told instead of an answer."""

    def __init__(self, error_type, message, key="message", status=403):
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.body = {key: message}


def denied():
    # The one body whose key has a capital letter.
    return Refusal("AccessDeniedException", FORBIDDEN, key="Message")


def wrong(message):
    return Refusal("InvalidSignatureException", message)


@dataclass
class Request:
    method: str
    target: str
    headers: list
    body: bytes

    def header(self, name):
        found = [value for key, value in self.headers if key.lower() == name]
        return found[0] if found else None


@dataclass
class Claim:
    """What the `Authorization` header says."""

    access_key: str
    scope: list
    signed: list
    signature: str

    @staticmethod
    def read(header):
        parts = dict(SHAPE.findall(header))
        missing = [it for it in ("Credential", "Signature", "SignedHeaders") if it not in parts]
        if not header.startswith("AWS4-HMAC-SHA256") or missing:
            asks = " ".join(f"Authorization header requires '{it}' parameter." for it in missing)
            raise Refusal("IncompleteSignatureException", asks or "Unsupported signing algorithm.")
        access_key, *scope = parts["Credential"].split("/")
        if len(scope) != 4:
            raise Refusal(
                "IncompleteSignatureException",
                "Credential must have exactly 5 slash-delimited elements, e.g. "
                f"keyid/date/region/service/term, got '{parts['Credential']}'",
            )
        signed = parts["SignedHeaders"].split(";")
        return Claim(access_key, scope, signed, parts["Signature"])


class Recomputed(SigV4Auth):
    """botocore's signer, for the headers the client has signed and no others."""

    def __init__(self, caller, claim, region):
        super().__init__(Credentials(claim.access_key, caller["secret"]), SERVICE, region)
        self.signed = claim.signed

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() in self.signed:
                headers[name.lower()] = value
        return headers

    def of(self, request, stamp):
        host = request.header("host") or ""
        asked = AWSRequest(request.method, f"http://{host}{request.target}", data=request.body)
        for name, value in request.headers:
            asked.headers[name] = value
        # The body is what it is, whatever a header claims about it.
        del asked.headers["x-amz-content-sha256"]
        if "x-amz-content-sha256" in self.signed:
            asked.headers["x-amz-content-sha256"] = hashlib.sha256(request.body).hexdigest()
        asked.context["timestamp"] = stamp
        return self.signature(self.string_to_sign(asked, self.canonical_request(asked)), asked)


def judge(request, settings, now):
    """The access key and what is known about its holder, or a `Refusal`."""
    authorization = request.header("authorization")
    if authorization is None:
        raise denied()
    claim = Claim.read(authorization)
    caller = known(claim, request, settings)
    stamp = request.header("x-amz-date")
    if stamp is None:
        raise Refusal(
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    check_scope(claim, stamp, settings["region"])
    check_time(stamp, now)
    if "host" not in claim.signed:
        raise wrong("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if Recomputed(caller, claim, settings["region"]).of(request, stamp) != claim.signature:
        raise wrong(MISMATCH)
    if not caller["is_allowed"]:
        raise denied()
    return claim.access_key, caller


def known(claim, request, settings):
    caller = settings["callers"].get(claim.access_key)
    token = request.header("x-amz-security-token")
    if caller is None or token != caller["session_token"]:
        raise Refusal(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    if caller["is_expired"]:
        raise Refusal(
            "ExpiredTokenException", "The security token included in the request is expired"
        )
    return caller


def check_scope(claim, stamp, region):
    date, claimed_region, service, terminator = claim.scope
    faults = []
    if claimed_region != region:
        faults.append("Credential should be scoped to a valid region. ")
    if service != SERVICE:
        faults.append(f"Credential should be scoped to correct service: '{SERVICE}'. ")
    if terminator != "aws4_request":
        faults.append(
            f"Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'. "
        )
    if date != stamp[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{date}' != '{stamp[:8]}', from '{stamp}'. "
        )
    if faults:
        raise wrong("".join(faults))


def check_time(stamp, now):
    try:
        signed_at = datetime.strptime(stamp, STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        raise Refusal(
            "IncompleteSignatureException",
            f"Date must be in ISO-8601 'basic format'. Got '{stamp}'. "
            "See http://en.wikipedia.org/wiki/ISO_8601",
        ) from None
    says = now.strftime(STAMP)
    earliest, latest = now - TOLERANCE, now + TOLERANCE
    if signed_at < earliest:
        limit = earliest.strftime(STAMP)
        raise wrong(f"Signature expired: {stamp} is now earlier than {limit} ({says} - 5 min.)")
    if signed_at > latest:
        limit = latest.strftime(STAMP)
        raise wrong(f"Signature not yet current: {stamp} is still later than {limit} ({says} + 5 min.)")
