"""What is stored. In this domain a *model* is a trained policy, so no file here is called models.

The naming convention is set before any table is defined: migrations and error messages then name every constraint.
"""

from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

from portal.tables.alert import Alert, AlertScope, AlertSettings, AlertThreshold  # noqa: E402
from portal.tables.audit import AuditEvent  # noqa: E402
from portal.tables.browser_session import BrowserSession  # noqa: E402
from portal.tables.delivery import DeliveryState, Mail, WebhookDelivery  # noqa: E402
from portal.tables.evaluation import Evaluation, Lap  # noqa: E402
from portal.tables.garage import Car, Model, RewardFunction  # noqa: E402
from portal.tables.invitation import Invitation, InvitationTemplate  # noqa: E402
from portal.tables.job import Job, JobState  # noqa: E402
from portal.tables.ledger import Account, EntryKind, JobKind, LedgerEntry, Reservation, ReservationState  # noqa: E402
from portal.tables.limits import HOUR_MS, Limits  # noqa: E402
from portal.tables.live_race import LiveRace, LiveRun, LiveState  # noqa: E402
from portal.tables.outbox import OutboxEntry  # noqa: E402
from portal.tables.provider import ProviderAccount, ProviderCode, ProviderToken  # noqa: E402
from portal.tables.race import Counting, Race, Ranking, Submission, TeamScoring, Visibility  # noqa: E402
from portal.tables.race_community import RaceAnnouncement, RaceOrganizer, RaceTeam, RaceTeamMember  # noqa: E402
from portal.tables.race_freeze import RaceFreeze  # noqa: E402
from portal.tables.race_hook import RaceHook  # noqa: E402
from portal.tables.race_people import RaceGuest, RaceMember  # noqa: E402
from portal.tables.racer import Racer, Role, Sponsorship  # noqa: E402
from portal.tables.request import RacerRequest, RequestKind, RequestState  # noqa: E402
from portal.tables.season import Season, SeasonRace  # noqa: E402
from portal.tables.training import TrainingIteration, TrainingRun  # noqa: E402
from portal.tables.usage import UsageDay, UsageMonth  # noqa: E402

__all__ = [
    "HOUR_MS",
    "Account",
    "Alert",
    "AlertScope",
    "AlertSettings",
    "AlertThreshold",
    "AuditEvent",
    "BrowserSession",
    "Car",
    "Counting",
    "DeliveryState",
    "EntryKind",
    "Evaluation",
    "Invitation",
    "InvitationTemplate",
    "Job",
    "JobKind",
    "JobState",
    "Lap",
    "LedgerEntry",
    "Limits",
    "LiveRace",
    "LiveRun",
    "LiveState",
    "Mail",
    "Model",
    "OutboxEntry",
    "ProviderAccount",
    "ProviderCode",
    "ProviderToken",
    "Race",
    "RaceAnnouncement",
    "RaceFreeze",
    "RaceGuest",
    "RaceHook",
    "RaceMember",
    "RaceOrganizer",
    "RaceTeam",
    "RaceTeamMember",
    "Racer",
    "RacerRequest",
    "Ranking",
    "RequestKind",
    "RequestState",
    "Reservation",
    "ReservationState",
    "RewardFunction",
    "Role",
    "Season",
    "SeasonRace",
    "Sponsorship",
    "Submission",
    "TeamScoring",
    "TrainingIteration",
    "TrainingRun",
    "UsageDay",
    "UsageMonth",
    "Visibility",
    "WebhookDelivery",
]
