"""The portal's own settings, with failpoints in: production code is not touched."""

from portal.settings import *  # noqa: F403
from portal.settings import CELERY_BEAT_SCHEDULE, INSTALLED_APPS

# The sandbox is one account of Telnyx's to all lines: a recovery brings each the others' events. A test asks for it.
CELERY_BEAT_SCHEDULE = {name: entry for name, entry in CELERY_BEAT_SCHEDULE.items() if name != "recover events"}
INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.failpoints.Failpoints"]
