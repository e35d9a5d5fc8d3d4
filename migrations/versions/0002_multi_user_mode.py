"""Multi-user mode: storage and budgets, usage summed, requests, invitations, deliveries and alerts."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from alembic.operations import BatchOperations
from sqlalchemy import Text  # noqa: F401

import portal.tables.columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = {
    "audit_event": ("batch",),
    "account": ("monthly_budget_microusd",),
    "evaluation": ("size_bytes",),
    "limits": ("monthly_budget_microusd", "racer_monthly_budget_microusd", "hard_cap_enabled", "storage_charged_on"),
    "model": ("imported_from", "stored_bytes", "used_ms", "last_used_at", "purged_at"),
}
"""Columns that tables get without being rebuilt."""
INDEXES = {
    "ix_audit_event_action": "audit_event",
    "ix_audit_event_batch": "audit_event",
    "ix_audit_event_by_racer_id": "audit_event",
    "ix_audit_event_subject": "audit_event",
    "ix_evaluation_kept_for_race": "evaluation",
    "ix_model_in_garage": "model",
}
"""Indexes of tables that were there before."""
SPENT_ON = ("training", "evaluation", "storage")
SUMS = (
    "trainings",
    "evaluations",
    "training_ms",
    "evaluation_ms",
    "byte_days",
    "training_microusd",
    "evaluation_microusd",
    "storage_microusd",
)
KINDS_BEFORE = "kind IN ('grant', 'reserve', 'settle', 'release', 'adjust')"
KINDS = "kind IN ('grant', 'reserve', 'settle', 'release', 'adjust', 'store')"


def upgrade() -> None:
    op.create_table(
        "alert_settings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("emails", sa.JSON(), nullable=False),
        sa.Column("webhook_url", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("webhook_secret", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_alert_settings_only_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_settings")),
    )
    op.create_table(
        "alert_threshold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amount_microusd", sa.BigInteger(), nullable=True),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("scope IN ('instance', 'racer')", name=op.f("ck_alert_threshold_scope_known")),
        sa.CheckConstraint(
            "(percent IS NULL) <> (amount_microusd IS NULL)", name=op.f("ck_alert_threshold_share_or_amount")
        ),
        sa.CheckConstraint("amount_microusd > 0", name=op.f("ck_alert_threshold_amount_positive")),
        sa.CheckConstraint("percent BETWEEN 1 AND 1000", name=op.f("ck_alert_threshold_percent_sensible")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_threshold")),
        sa.UniqueConstraint("public_id", name=op.f("uq_alert_threshold_public_id")),
        sa.UniqueConstraint("scope", "amount_microusd", name="alert_threshold_amount"),
        sa.UniqueConstraint("scope", "percent", name="alert_threshold_percent"),
    )
    op.create_table(
        "invitation_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("changed_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_invitation_template_only_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_template")),
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("next_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recipient", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("html", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_mail_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("public_id", name=op.f("uq_mail_public_id")),
    )
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_next_at"), ["next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_mail_state"), ["state"], unique=False)

    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("next_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("event", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_webhook_delivery_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhook_delivery_public_id")),
    )
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_delivery_next_at"), ["next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_webhook_delivery_state"), ["state"], unique=False)

    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("about", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("threshold", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=True),
        sa.Column("spent_microusd", sa.BigInteger(), nullable=False),
        sa.Column("budget_microusd", sa.BigInteger(), nullable=True),
        sa.Column("at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("dismissed_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("dismissed_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["dismissed_by_id"], ["racer.id"], name=op.f("fk_alert_dismissed_by_id_racer")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_alert_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("month", "about", "threshold", name="alert_once"),
        sa.UniqueConstraint("public_id", name=op.f("uq_alert_public_id")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_month"), ["month"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_racer_id"), ["racer_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("land_on", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("invited_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.Column("mail_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["accepted_by_id"], ["racer.id"], name=op.f("fk_invitation_accepted_by_id_racer")),
        sa.ForeignKeyConstraint(["invited_by_id"], ["racer.id"], name=op.f("fk_invitation_invited_by_id_racer")),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_invitation_mail_id_mail")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("public_id", name=op.f("uq_invitation_public_id")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_email"), ["email"], unique=False)

    op.create_table(
        "racer_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=True),
        sa.Column("answer", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("decided_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("seen_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('approved', 'declined')) = (decided_at IS NOT NULL)", name=op.f("ck_racer_request_decided_when")
        ),
        sa.CheckConstraint("kind IN ('hours', 'models', 'workshop')", name=op.f("ck_racer_request_kind_known")),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'declined', 'withdrawn')", name=op.f("ck_racer_request_state_known")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_racer_request_amount_not_negative")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["racer.id"], name=op.f("fk_racer_request_decided_by_id_racer")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_racer_request_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_racer_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_racer_request_public_id")),
    )
    with op.batch_alter_table("racer_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_racer_request_racer_id"), ["racer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_racer_request_state"), ["state"], unique=False)
        batch_op.create_index(
            "racer_request_one_open",
            ["racer_id", "kind"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "usage_day",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("trainings", sa.Integer(), nullable=False),
        sa.Column("evaluations", sa.Integer(), nullable=False),
        sa.Column("training_ms", sa.BigInteger(), nullable=False),
        sa.Column("evaluation_ms", sa.BigInteger(), nullable=False),
        sa.Column("byte_days", sa.BigInteger(), nullable=False),
        sa.Column("training_microusd", sa.BigInteger(), nullable=False),
        sa.Column("evaluation_microusd", sa.BigInteger(), nullable=False),
        sa.Column("storage_microusd", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_usage_day_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", "starts_on", name=op.f("pk_usage_day")),
    )
    with op.batch_alter_table("usage_day", schema=None) as batch_op:
        batch_op.create_index("ix_usage_day_spent", ["starts_on", *(f"{of}_microusd" for of in SPENT_ON)])

    op.create_table(
        "usage_month",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("trainings", sa.Integer(), nullable=False),
        sa.Column("evaluations", sa.Integer(), nullable=False),
        sa.Column("training_ms", sa.BigInteger(), nullable=False),
        sa.Column("evaluation_ms", sa.BigInteger(), nullable=False),
        sa.Column("byte_days", sa.BigInteger(), nullable=False),
        sa.Column("training_microusd", sa.BigInteger(), nullable=False),
        sa.Column("evaluation_microusd", sa.BigInteger(), nullable=False),
        sa.Column("storage_microusd", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_usage_month_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", "starts_on", name=op.f("pk_usage_month")),
    )
    with op.batch_alter_table("usage_month", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usage_month_starts_on"), ["starts_on"], unique=False)

    _add_columns()
    _add_indexes()
    _change_ledger()
    _change_size(sa.Integer(), sa.BigInteger())
    _fill()
    _first_rows()


def downgrade() -> None:
    _change_size(sa.BigInteger(), sa.Integer())
    _change_ledger_back()
    for name, table in INDEXES.items():
        op.drop_index(name, table)
    for table, columns in ADDED.items():
        for column in reversed(columns):
            op.drop_column(table, column)
    with op.batch_alter_table("usage_month", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_usage_month_starts_on"))

    op.drop_table("usage_month")
    with op.batch_alter_table("usage_day", schema=None) as batch_op:
        batch_op.drop_index("ix_usage_day_spent")

    op.drop_table("usage_day")
    with op.batch_alter_table("racer_request", schema=None) as batch_op:
        batch_op.drop_index("racer_request_one_open")
        batch_op.drop_index(batch_op.f("ix_racer_request_state"))
        batch_op.drop_index(batch_op.f("ix_racer_request_racer_id"))

    op.drop_table("racer_request")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_email"))

    op.drop_table("invitation")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alert_racer_id"))
        batch_op.drop_index(batch_op.f("ix_alert_month"))

    op.drop_table("alert")
    with op.batch_alter_table("webhook_delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_delivery_state"))
        batch_op.drop_index(batch_op.f("ix_webhook_delivery_next_at"))

    op.drop_table("webhook_delivery")
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mail_state"))
        batch_op.drop_index(batch_op.f("ix_mail_next_at"))

    op.drop_table("mail")
    op.drop_table("invitation_template")
    op.drop_table("alert_threshold")
    op.drop_table("alert_settings")


def _add_columns() -> None:
    big, moment = sa.BigInteger(), portal.tables.columns.UtcDateTime(timezone=True)
    text = sqlmodel.sql.sqltypes.AutoString()
    op.add_column("audit_event", sa.Column("batch", text, nullable=True))
    op.add_column("account", sa.Column("monthly_budget_microusd", big, nullable=True))
    op.add_column("evaluation", sa.Column("size_bytes", big, nullable=False, server_default="0"))
    op.add_column("limits", sa.Column("monthly_budget_microusd", big, nullable=True))
    op.add_column("limits", sa.Column("racer_monthly_budget_microusd", big, nullable=True))
    op.add_column("limits", sa.Column("hard_cap_enabled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("limits", sa.Column("storage_charged_on", sa.Date(), nullable=True))
    op.add_column("model", sa.Column("imported_from", text, nullable=True))
    op.add_column("model", sa.Column("stored_bytes", big, nullable=False, server_default="0"))
    op.add_column("model", sa.Column("used_ms", big, nullable=False, server_default="0"))
    op.add_column("model", sa.Column("last_used_at", moment, nullable=True))
    op.add_column("model", sa.Column("purged_at", moment, nullable=True))


def _add_indexes() -> None:
    for column in ("action", "batch", "by_racer_id"):
        op.create_index(f"ix_audit_event_{column}", "audit_event", [column])
    op.create_index("ix_audit_event_subject", "audit_event", ["subject"])
    there = sa.text("artefact IS NOT NULL")
    op.create_index(
        "ix_evaluation_kept_for_race",
        "evaluation",
        ["race_id", "size_bytes"],
        sqlite_where=there,
        postgresql_where=there,
    )
    op.create_index("ix_model_in_garage", "model", ["racer_id", "deleted_at", "stored_bytes"])


def _change_ledger() -> None:
    """Storage lines. On SQLite the table is rebuilt, and its triggers have to be made again."""
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("byte_days", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("on_day", sa.Date(), nullable=True))
        batch_op.create_unique_constraint("ledger_entry_once_a_day", ["account_id", "on_day"])
        _change_kinds(batch_op, KINDS)
    _refuse_changes_again()


def _change_ledger_back() -> None:
    """Storage lines go: the tables before know nothing of them."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER ledger_entry_no_delete")
        op.execute("DELETE FROM ledger_entry WHERE kind = 'store'")
    else:
        op.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_append_only")
        op.execute("DELETE FROM ledger_entry WHERE kind = 'store'")
        op.execute("ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_append_only")
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        _change_kinds(batch_op, KINDS_BEFORE)
        batch_op.drop_constraint("ledger_entry_once_a_day", type_="unique")
        batch_op.drop_column("on_day")
        batch_op.drop_column("byte_days")
    _refuse_changes_again()


def _change_kinds(batch_op: BatchOperations, kinds: str) -> None:
    batch_op.drop_constraint(batch_op.f("ck_ledger_entry_kind_known"), type_="check")
    batch_op.create_check_constraint(batch_op.f("ck_ledger_entry_kind_known"), kinds)


def _refuse_changes_again() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_entry_no_{verb.lower()} BEFORE {verb} ON ledger_entry "
            "BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END"
        )


def _change_size(before: sa.Integer, after: sa.Integer) -> None:
    server_default = "0" if isinstance(after, sa.BigInteger) else None
    with op.batch_alter_table("training_run", schema=None) as batch_op:
        batch_op.alter_column(
            "size_bytes", existing_type=before, type_=after, existing_nullable=False, server_default=server_default
        )


def _fill() -> None:
    """What the new sums and caches are after everything that happened so far."""
    connection = op.get_bind()
    ledger, run = _table("ledger_entry"), _table("training_run")
    totals: dict[tuple[str, int, Any], dict[str, int]] = {}
    for line in connection.execute(sa.select(ledger).where(ledger.c.kind == "settle")):
        day = line.at.astimezone(UTC).date()
        for table, starts_on in (("usage_day", day), ("usage_month", day.replace(day=1))):
            total = totals.setdefault((table, line.account_id, starts_on), dict.fromkeys(SUMS, 0))
            total[f"{line.job_kind}s"] += 1
            total[f"{line.job_kind}_ms"] += line.used_ms
            total[f"{line.job_kind}_microusd"] += line.amount_microusd
    for (table, account_id, starts_on), total in totals.items():
        connection.execute(_table(table).insert().values(account_id=account_id, starts_on=starts_on, **total))
    model = _table("model")
    for kind in ("training_run", "evaluation"):
        job = _table(kind)
        sums = sa.select(job.c.model_id, sa.func.sum(job.c.used_ms), sa.func.max(job.c.queued_at)).group_by(
            job.c.model_id
        )
        for model_id, used_ms, last in connection.execute(sums).all():
            connection.execute(
                model.update()
                .where(model.c.id == model_id)
                .values(used_ms=model.c.used_ms + used_ms, last_used_at=last)
            )
    stored = sa.select(run.c.model_id, sa.func.sum(run.c.size_bytes)).group_by(run.c.model_id)
    for model_id, size in connection.execute(stored).all():
        connection.execute(model.update().where(model.c.id == model_id).values(stored_bytes=size))


def _table(name: str) -> sa.Table:
    """A table as it is in this revision; the classes of `portal.tables` may be newer."""
    table = sa.Table(name, sa.MetaData(), autoload_with=op.get_bind())
    for column in table.columns:
        if isinstance(column.type, sa.DateTime):
            column.type = portal.tables.columns.UtcDateTime(timezone=True)
    return table


def _first_rows() -> None:
    """The console's three shares of a budget for the instance and for racers; nothing is sent anywhere yet."""
    now = datetime.now(UTC)
    threshold = _table("alert_threshold")
    for scope in ("instance", "racer"):
        for percent in (50, 80, 100):
            row = {"public_id": secrets.token_hex(8), "scope": scope, "percent": percent, "created_at": now}
            op.get_bind().execute(threshold.insert().values(**row))
    settings = _table("alert_settings")
    op.get_bind().execute(settings.insert().values(id=1, emails=[], webhook_url="", webhook_secret=""))
