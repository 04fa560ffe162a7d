"""Verifies webhooks with the Python library of Standard Webhooks: `verify_webhook.py`.

Reads lines of JSON from stdin, each with `secret`, `headers` and `body`, and answers each with a line: `true`, or
`false` where the library refuses.
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    ask = json.loads(line)
    try:
        Webhook(ask["secret"]).verify(ask["body"], ask["headers"])
        verified = True
    except WebhookVerificationError:
        verified = False
    print(json.dumps(verified), flush=True)
