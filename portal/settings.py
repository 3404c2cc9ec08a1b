"""Reads settings from the environment (also from ``.env``) and nothing else; ``docs/settings.md`` lists them."""

import os
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab
from django.urls import reverse_lazy

from portal import keys
from portal.environment import (
    account_sid,
    body_encoding,
    boolean,
    broker_url,
    database,
    days,
    encryption_keys,
    from_file,
    hosts,
    log_level,
    mail_address,
    mail_addresses,
    mail_server,
    modules,
    outgoing_url,
    port,
    public_url,
    setting,
    stop,
    telnyx_url,
    webhook_secret,
    whole_number,
)

BASE_DIR = Path(__file__).resolve().parent.parent
keys.read_env_file()
VAR_DIR = keys.var_dir()
keys.close_to_others()

# --- Names of the interface page -------------------------------------------------------------------------------------
DEBUG = setting("DEBUG", boolean, False)
SECRET_KEY = from_file("SECRET_KEY", keys.secret_key_file())
os.environ["PORTAL_ENCRYPTION_KEYS"] = from_file("PORTAL_ENCRYPTION_KEYS", keys.encryption_keys_file())
PORTAL_ENCRYPTION_KEYS: list[bytes] = setting("PORTAL_ENCRYPTION_KEYS", encryption_keys, [])
ALLOWED_HOSTS = setting("ALLOWED_HOSTS", hosts, ["127.0.0.1", "localhost", "[::1]"])
PORT = setting("PORT", port, 8000)
SANDBOX_PORT = setting("SANDBOX_PORT", port, PORT + 1 if PORT < 65535 else PORT - 1)
if SANDBOX_PORT == PORT:
    stop("SANDBOX_PORT", "must be another port than PORT.")
PORTAL_PUBLIC_URL = setting("PORTAL_PUBLIC_URL", public_url, f"http://127.0.0.1:{PORT}")
PORTAL_PUBLIC_URL_IS_DEFAULT = not setting("PORTAL_PUBLIC_URL", str, "")
TELNYX_API_KEY = setting("TELNYX_API_KEY", str, "")
TELNYX_PUBLIC_KEY = setting("TELNYX_PUBLIC_KEY", str, "")
TELNYX_BASE_URL = setting("TELNYX_BASE_URL", telnyx_url, "https://api.telnyx.com/v2")
TELNYX_ACCOUNT_SID = setting("TELNYX_ACCOUNT_SID", account_sid, "")
TELNYX_TEXML_ENCODING = setting("TELNYX_TEXML_ENCODING", body_encoding, "json")
EVENT_HANDLERS: list[str] = setting("EVENT_HANDLERS", modules, [])
PULL_INTERVAL_MINUTES = setting("PULL_INTERVAL_MINUTES", whole_number, 60)
RECOVERY_INTERVAL_MINUTES = setting("RECOVERY_INTERVAL_MINUTES", whole_number, 5)
DATABASES = {
    "default": setting("DATABASE_URL", database, None) or database(f"sqlite:///{VAR_DIR / 'portal.sqlite3'}"),
}
DATABASE_PREPARED = setting("DATABASE_PREPARED", boolean, True)
EMBEDDED_QUEUE = VAR_DIR / "queue.sqlite3"
DOCUMENT_COPIES = VAR_DIR / "texml"  # of TeXML documents, for the time without a database
CELERY_BROKER_URL = setting("CELERY_BROKER_URL", broker_url, "") or f"embedded://localhost/{EMBEDDED_QUEUE}"
# work may come from, and go to, other hosts: not on SQLite, whoever carries the messages
HAS_BROKER = not (CELERY_BROKER_URL.startswith("embedded") or DATABASES["default"]["ENGINE"].endswith("sqlite3"))

TEXML_FETCH_DAYS = setting("TEXML_FETCH_DAYS", days, 30)

# --- Notices of alerts ------------------------------------------------------------------------------------------------
ALERT_EMAILS: list[str] = setting("ALERT_EMAILS", mail_addresses, [])
_MAIL_SERVER = setting("EMAIL_URL", mail_server, None)
if ALERT_EMAILS and not _MAIL_SERVER:
    stop("EMAIL_URL", "is not set: ALERT_EMAILS needs a mail server.")
globals().update(_MAIL_SERVER or {})
_HOST = urlsplit(PORTAL_PUBLIC_URL).hostname or ""
_HOST = _HOST if _HOST[-1:].isalpha() else "localhost"  # a number is no host of an e-mail address
DEFAULT_FROM_EMAIL = setting("EMAIL_FROM", mail_address, f"voice-portal@{_HOST}")
EMAIL_TIMEOUT = 10
ALERT_WEBHOOK_URL = setting("ALERT_WEBHOOK_URL", outgoing_url, "")
ALERT_WEBHOOK_SECRET = setting("ALERT_WEBHOOK_SECRET", webhook_secret, b"")
if ALERT_WEBHOOK_URL and not ALERT_WEBHOOK_SECRET:
    stop("ALERT_WEBHOOK_SECRET", "is not set: ALERT_WEBHOOK_URL needs one to sign with.")

# --- Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "simple_history",
    "portal.apps.PortalConfig",
    "applications",
    "voice",  # the last one: groups are filled when its permissions are there
]
MIDDLEWARE = [
    "portal.runtime.middleware.request_context",
    "portal.runtime.middleware.no_body_for_head",
    "portal.runtime.middleware.limited_waiting",
    "portal.runtime.middleware.known_length",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "portal.runtime.middleware.clean_query",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.runtime.middleware.limited_uploads",
    "portal.runtime.looks.audited",
    "portal.preferences.middleware.own_times",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.runtime.middleware.content_security",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
PLAIN_WEBHOOKS = "voice.events.plain_webhooks.PlainWebhooks"  # what stands in front of Django
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["portal.unfold_templates.Folders", "portal.unfold_templates.Apps"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"navigation": "portal.admin.navigation"},
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # boxes of forms by the same loaders
PASSWORD_HASHERS = ["portal.passwords.OneAtATimeHasher"]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT, AXES_COOLOFF_TIME = 10, timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who goes on trying does not lock an account for ever
AXES_LOCKOUT_PARAMETERS = "portal.admin.sign_in.limits"
AXES_LOCKOUT_CALLABLE = "portal.admin.sign_in.refused"
AXES_USERNAME_CALLABLE = "portal.admin.sign_in.counted_name"
AXES_CLIENT_IP_CALLABLE = "portal.admin.sign_in.counted_address"
AXES_DISABLE_ACCESS_LOG, AXES_ENABLE_ADMIN, AXES_VERBOSE = True, False, False  # the audit trail has it
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "portal.passwords.GuessableValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
APPEND_SLASH = False  # a redirected webhook is a failed one: Telnyx counts any 3xx as a failure (code 75300)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # whoever ticks ten thousand rows is told on the page how many an action takes
LANGUAGE_CODE, TIME_ZONE, USE_I18N, USE_TZ = "en", "UTC", False, True
FORMAT_MODULE_PATH = ["portal.formats"]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
WHITENOISE_USE_FINDERS = True  # one command, no collectstatic

# --- Security --------------------------------------------------------------------------------------------------------
HTTPS = PORTAL_PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "portal.rest.problems.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PORTAL_PUBLIC_URL] if HTTPS else []
TRUST_PROXY = setting("TRUST_PROXY", boolean, False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A redirect of ours would lose Telnyx's webhooks, whatever scheme they come by; the proxy redirects people.
SILENCED_SYSTEM_CHECKS = ["security.W008"]

# Code of others hangs and crashes: with a broker, handlers run in Celery's processes, which can be killed
WAKE_UPS_BY_BROKER = {"voice.process_event"} if EVENT_HANDLERS and HAS_BROKER else set()

# --- Celery: a wake-up and a muscle; the owed work itself is in rows -------------------------------------------------
CELERY_TASK_DEFAULT_QUEUE = "events"
CELERY_TASK_ROUTES = {
    "voice.send_command": {"queue": "commands"},
    "voice.recover*": {"queue": "commands"},
    "voice.open_own_countries": {"queue": "commands"},  # it asks Telnyx
    "voice.attend_to_alerts": {"queue": "commands"},  # it may wait for a mail server
    "voice.work_replay": {"queue": "commands"},  # pieces of seconds are not to stand before live events
    "voice.work_bulk_action": {"queue": "commands"},
    "applications.*": {"queue": "commands"},
}
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 20, 25
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "embedded": {},
    "amqp": {"confirm_publish": True, "connect_timeout": 1, "read_timeout": 2, "write_timeout": 2},
    "redis": {"visibility_timeout": 600, "socket_timeout": 2, "socket_connect_timeout": 1},
}[urlsplit(CELERY_BROKER_URL).scheme.replace("amqps", "amqp").replace("rediss", "redis")]
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "portal.heartbeat", "schedule": 15.0, "options": {"expires": 15}},
    "alerts": {"task": "voice.attend_to_alerts", "schedule": 60.0, "options": {"expires": 60}},
    "clean up": {"task": "portal.clean_up", "schedule": crontab(minute="17")},
    "pull applications": {
        "task": "applications.pull_all",
        "schedule": max(PULL_INTERVAL_MINUTES, 1) * 60.0,
        "options": {"expires": 600},
    },
    # every minute it is looked up whose turn it is: so a start catches up soon, and two beats do it once
    "recover events": {"task": "voice.recover_due", "schedule": 60.0, "options": {"expires": 60}},
    "own countries": {"task": "voice.open_own_countries", "schedule": 300.0, "options": {"expires": 300}},
}

# --- REST ------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.rest.authentication.BearerToken"],
    "DEFAULT_PERMISSION_CLASSES": ["portal.rest.authentication.ScopeAndPermission"],
    "DEFAULT_PAGINATION_CLASS": "portal.rest.pagination.Cursor",
    "DEFAULT_PARSER_CLASSES": ["portal.rest.parsers.StrictJSON"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "portal.rest.viewsets.DescribedSchema",
    "DEFAULT_FILTER_BACKENDS": ["portal.rest.filters.StrictFilters"],
    "EXCEPTION_HANDLER": "portal.rest.problems.handle",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Telnyx voice portal",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "Applications, calls, flows and events of Telnyx voice. Errors are application/problem+json.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "EventStatus": "voice.models.CallEvent.Status",
        "CommandStatus": "voice.models.CallCommand.Status",
        "RecordingStatus": "voice.models.Recording.Status",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "voice.catalogue.openapi.document_actions",
        "voice.catalogue.openapi.document_texml",
        "portal.rest.problems.document_errors",
    ],
}

# --- Looks and logs --------------------------------------------------------------------------------------------------
# what hangs in the head of an application's page (a ``button``, a ``notice``), and in which of its tabs: dotted names
APPLICATION_HEAD = "voice.stops.panels.application_head"
APPLICATION_PANELS = {
    "numbers": "applications.related.panels.panel",
    "calls": "voice.dashboard.application_panel",
}
# what else the list of Call Control applications is narrowed by, by dotted name
APPLICATION_FILTERS = ["voice.flows.admin.FlowFilter"]
# what hangs on an account's page, by dotted name
ACCOUNT_PANELS = ["voice.stops.panels.account_panel"]
# where a call from an application is begun
APPLICATION_DIAL = "voice.dashboard.dial_address"
# what a call's page shows from top to bottom above its story, and below it, and what a command's page shows; by dotted
# name, each draws itself for a request and a row
CALL_PANELS = [
    "voice.call_page.verdict.panel",
    "voice.call_page.facts.panel",
    "voice.call_page.picture.panel",
    "voice.recordings.panel.panel",
    "voice.call_page.said.panel",
]
# what the drawer beside the list of calls shows of one
CALL_DRAWER = [
    "voice.call_page.verdict.panel",
    "voice.call_page.picture.drawer_panel",
    "voice.recordings.panel.panel",
    "voice.call_page.facts.panel",
]
CALL_DETAILS = ["voice.measurements.panel.panel", "voice.call_page.delivery.panel", "voice.notes.panel.panel"]
COMMAND_PANELS = ["voice.explanations.card.command_panel"]
# what would be left behind by a deletion
APPLICATION_DEPENDENTS = ["voice.dashboard.application_dependents", "applications.related.panels.dependents"]
# what else portal.clean_up forgets
CLEAN_UPS = [
    "portal.admin.sign_in.clean_up",
    "applications.pulls.pulls.clean_up",
    "voice.alerts.rounds.clean_up",
    "voice.events.rejections.clean_up",
    "voice.documents.fetch_log.clean_up",
    "voice.exports.service.clean_up",
]
# what /readyz and /metrics count
BACKLOG = "voice.dashboard.backlog"
OPEN_ALERTS = "voice.alerts.rounds.open_by_kind"
# what the bell above every page counts, for whom
BELL = "voice.alerts.bell.bell"
# where the search above every page looks, in the order in which it shows what was found
SEARCH_SOURCES = ["applications.finder.sources.find", "voice.finder.sources.find", "portal.finder.sources.find"]
UNFOLD = {
    "SITE_TITLE": "Voice portal",
    "SITE_HEADER": "Voice portal",
    "SITE_SUBHEADER": "Telnyx calls and applications",
    "SITE_SYMBOL": "call",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "portal.admin.navigation.icon"}],
    "COLORS": {
        "primary": {
            "50": "#f0fdfa",
            "100": "#ccfbf1",
            "200": "#99f6e4",
            "300": "#5eead4",
            "400": "#2dd4bf",
            "500": "#14b8a6",
            "600": "#0f766e",
            "700": "#115e59",
            "800": "#134e4a",
            "900": "#0f3f3c",
            "950": "#042f2e",
        }
    },
    "DASHBOARD_CALLBACK": "voice.dashboard.home",
    "ACCOUNT": {
        "navigation": [
            {"title": "Time zone and date format", "link": reverse_lazy("admin:portal_preferences")},
            {"title": "Handbook", "link": reverse_lazy("admin:portal_handbook_first")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "STYLES": ["portal.admin.navigation.style_sheet", "portal.admin.navigation.frame_style_sheet"],
    "SCRIPTS": ["portal.admin.navigation.script", "portal.admin.navigation.frame_script"],
    "SIDEBAR": {"show_search": False, "command_search": False, "navigation": "portal.admin.navigation.sidebar"},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "portal.runtime.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": setting("LOG_LEVEL", log_level, "INFO")},
    # request paths carry webhook tokens, httpx logs call ids in addresses, the SDK whole bodies: numbers, secrets
    "loggers": {
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "telnyx": {"level": "WARNING"},  # below it notes whole bodies, passwords among them
        "django.server": {"level": "ERROR"},
        "django.request": {"level": "ERROR"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "axes": {"level": "ERROR"},  # it logs whatever was typed for a name
        "gunicorn.error": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
if PORTAL_PUBLIC_URL_IS_DEFAULT and sys.stderr.isatty():
    warnings.warn(f"PORTAL_PUBLIC_URL is not set: Telnyx cannot reach {PORTAL_PUBLIC_URL}", stacklevel=1)
