"""Who asks, and what the roles may do."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("None", "Viewer", "Editor", "Admin")
_OF_ROLE = {
    "None": (),
    "Viewer": (
        "annotations:read",
        "dashboards:read",
        "datasources:query",
        "datasources:read",
        "folders:read",
        "library.panels:read",
        "orgs:read",
        "teams:read",
    ),
    "Editor": (
        "alert.",
        "annotations:",
        "dashboards:create",
        "dashboards:delete",
        "dashboards:write",
        "folders:create",
        "folders:delete",
        "folders:write",
        "library.panels:",
    ),
    "Admin": (
        "dashboards.permissions:",
        "datasources:",
        "folders.permissions:",
        "org.users:",
        "orgs.preferences:",
        "orgs:write",
        "serviceaccounts:",
        "teams:",
        "users.roles:",
    ),
}
_OF_SERVER_ADMIN = (
    "org.users:",
    "orgs:",
    "provisioning:",
    "server.stats:",
    "settings:",
    "users:",
    "users.password:",
    "users.permissions:",
)


@dataclass(frozen=True)
class Identity:
    """Who a request is from. org, role: where it acts, and as what ("" for no member there)."""

    kind: str
    number: int
    uid: str
    login: str
    name: str
    email: str
    org: int
    role: str
    server_admin: bool

    @property
    def admin(self) -> bool:
        """Administrator of the organisation."""
        return self.role == "Admin"

    def includes(self, role: str) -> bool:
        """Whether this role is no lower than another."""
        return role in ROLES and ROLES.index(self.role or "None") >= ROLES.index(role)

    def can(self, action: str) -> bool:
        """Whether an action is allowed; of single folders and dashboards see `permissions`."""
        allowed: tuple[str, ...] = _OF_SERVER_ADMIN if self.server_admin else ()
        for role in ROLES[: ROLES.index(self.role or "None") + 1]:
            allowed += _OF_ROLE[role]
        return any(action == one or (one[-1] in ":." and action.startswith(one)) for one in allowed)
