"""The portal's settings with secrets of its own: tests swap the outside world, never the settings."""

import base64
import os
import tempfile

os.environ.setdefault("PORTAL_VAR_DIR", tempfile.mkdtemp(prefix="voice-portal-tests-"))
os.environ["SECRET_KEY"] = "tests only"
os.environ["PORTAL_ENCRYPTION_KEYS"] = base64.b64encode(b"tests only, a key of 32 bytes ok").decode()
os.environ["PORTAL_PUBLIC_URL"] = "http://127.0.0.1:8000"
for name in ("TELNYX_API_KEY", "TELNYX_PUBLIC_KEY", "TELNYX_BASE_URL", "TELNYX_ACCOUNT_SID", "DEBUG", "ALLOWED_HOSTS"):
    os.environ.pop(name, None)

for name in ("ALERT_EMAILS", "ALERT_WEBHOOK_URL"):
    os.environ[name] = ""  # whatever .env says: no test tells real people

from portal.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # signing in is not what is tested

if "options" in (options := DATABASES["default"].get("OPTIONS", {})):  # noqa: F405
    # of PostgreSQL: a test is one transaction, and idle in it for as long as a busy machine likes
    options["options"] += " -c idle_in_transaction_session_timeout=10min"
