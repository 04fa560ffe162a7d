"""What a Function URL makes of a request, and of what a handler answers: payload format 2.0.

Source: the developer guide's "Invoking Lambda function URLs" (request and response payload, the
caller's identity under `requestContext.authorizer.iam`). Whether the `Authorization` header is handed
on is not documented; no handler should need it, so it is not.
"""

import base64
import json
import uuid
from urllib.parse import parse_qsl

TEXT = ("text/", "application/json", "application/javascript", "application/xml")
# They concern one connection, or the front end itself, and are not the function's business.
KEPT_BACK = {
    "authorization",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "x-amzn-request-context",
}


def event(request, settings, access_key, caller, now):
    path, _, query = request.target.partition("?")
    headers = handed_on(request, settings)
    cookies = headers.pop("cookie", None)
    made = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context(request, settings, (access_key, caller), now),
        "isBase64Encoded": False,
    }
    if cookies:
        made["cookies"] = [it.strip() for it in cookies.split(";")]
    if query:
        made["queryStringParameters"] = joined(parse_qsl(query, keep_blank_values=True))
    if request.body:
        is_text = (request.header("content-type") or "").startswith(TEXT)
        made["isBase64Encoded"] = not is_text
        made["body"] = (request.body if is_text else base64.b64encode(request.body)).decode()
    return made


def context(request, settings, holder, now):
    access_key, caller = holder
    iam = {
        "accessKey": access_key,
        "accountId": caller["account"],
        "callerId": caller["user_id"],
        "cognitoIdentity": None,
        "principalOrgId": caller["organisation"],
        "userArn": caller["user_arn"],
        "userId": caller["user_id"],
    }
    return {
        "accountId": settings["account"],
        "apiId": settings["url_id"],
        "authentication": None,
        "authorizer": {"iam": iam},
        "domainName": settings["host"],
        "domainPrefix": settings["url_id"],
        "http": {
            "method": request.method,
            "path": request.target.partition("?")[0],
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }


def handed_on(request, settings):
    """Names in lower case; what was said twice is joined by a comma."""
    headers = joined((name.lower(), value) for name, value in request.headers)
    headers = {name: value for name, value in headers.items() if name not in KEPT_BACK}
    scheme, port = ("https", "443") if settings["tls"] else ("http", "80")
    headers["x-forwarded-for"] = "127.0.0.1"
    headers["x-forwarded-proto"] = scheme
    headers["x-forwarded-port"] = port
    return headers


def joined(pairs):
    found = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def answer(payload):
    """Status, headers and body of what a handler returned. Without a `statusCode` it is the body."""
    returned = json.loads(payload)
    if not isinstance(returned, dict) or "statusCode" not in returned:
        return 200, [("content-type", "application/json")], payload
    body = returned.get("body") or ""
    body = base64.b64decode(body) if returned.get("isBase64Encoded") else body.encode()
    headers = {"content-type": "application/json", **returned.get("headers", {})}
    headers = [(name.lower(), str(value)) for name, value in headers.items()]
    headers += [("set-cookie", it) for it in returned.get("cookies", [])]
    return returned["statusCode"], headers, body
