"""Provides the ASGI application. WSGI is what is measured and recommended; this serves those who must."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_asgi_application()
