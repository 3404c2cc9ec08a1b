"""The portal's settings as a deployment over HTTPS has them, for ``check --deploy``."""

import os
import secrets

address, hosts = os.environ["PORTAL_PUBLIC_URL"], os.environ["ALLOWED_HOSTS"]
os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)

from tests import settings as _  # noqa: E402, F401  gives the secrets

os.environ |= {"PORTAL_PUBLIC_URL": address, "ALLOWED_HOSTS": hosts, "SECRET_KEY": secrets.token_urlsafe(50)}
