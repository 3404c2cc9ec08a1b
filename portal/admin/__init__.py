"""The core's admin pages; importing this registers them."""

from portal.admin.accounts import TelnyxAccountAdmin
from portal.admin.audit import AuditEventAdmin
from portal.admin.people import GroupAdmin, UserAdmin
from portal.admin.tokens import ApiTokenAdmin

__all__ = ["ApiTokenAdmin", "AuditEventAdmin", "GroupAdmin", "TelnyxAccountAdmin", "UserAdmin"]
