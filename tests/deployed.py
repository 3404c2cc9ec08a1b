"""The portal's settings as a deployment over HTTPS has them, for ``check --deploy``."""

import base64
import os
import secrets
import tempfile

os.environ["PORTAL_VAR_DIR"] = tempfile.mkdtemp(prefix="voice-portal-deployed-")
os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)
os.environ["PORTAL_ENCRYPTION_KEYS"] = base64.b64encode(secrets.token_bytes(32)).decode()

from portal.settings import *  # noqa: F403
