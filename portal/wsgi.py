"""Provides the WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template
from django.urls import reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()
# now, once: else the first requests would each do it, on as many threads at a time, and a webhook among them wait
reverse("admin:login")
get_template("admin/login.html")
