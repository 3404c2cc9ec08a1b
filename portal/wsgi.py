"""Provides the WSGI application that gunicorn serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template
from django.urls import reverse
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django = get_wsgi_application()  # the settings can be read from here on
application = import_string(settings.PLAIN_WEBHOOKS)(django)
# now, once: else the first requests would each do it, on as many threads at a time, and a webhook among them wait
reverse("admin:login")
get_template("admin/login.html")
