"""First tables: people, garages, jobs, ledgers, races, the audit and the local provider."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy import Text  # noqa: F401

import portal.tables.columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("ledger_entry", "audit_event")


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("multi_user_enabled", sa.Boolean(), nullable=False),
        sa.Column("trainings_at_once", sa.Integer(), nullable=False),
        sa.Column("evaluations_at_once", sa.Integer(), nullable=False),
        sa.Column("cars", sa.Integer(), nullable=False),
        sa.Column("private_leaderboards", sa.Integer(), nullable=False),
        sa.Column("new_racer_quota_ms", sa.BigInteger(), nullable=False),
        sa.Column("new_racer_models_at_once", sa.Integer(), nullable=False),
        sa.Column("new_racer_maximum_models", sa.Integer(), nullable=False),
        sa.Column("training_hour_microusd", sa.BigInteger(), nullable=False),
        sa.Column("evaluation_hour_microusd", sa.BigInteger(), nullable=False),
        sa.Column("storage_gb_month_microusd", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_limits_only_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limits")),
    )
    op.create_table(
        "outbox_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("job_kind IN ('training', 'evaluation')", name=op.f("ck_outbox_entry_job_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_entry")),
        sa.UniqueConstraint("job_kind", "job_id", "attempt", name="outbox_once"),
    )
    with op.batch_alter_table("outbox_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_entry_sent_at"), ["sent_at"], unique=False)

    op.create_table(
        "provider_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("username", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("password_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_account")),
        sa.UniqueConstraint("subject", name=op.f("uq_provider_account_subject")),
        sa.UniqueConstraint("username", name=op.f("uq_provider_account_username")),
    )
    op.create_table(
        "racer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("issuer", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("granted_admin", sa.Boolean(), nullable=False),
        sa.Column("sponsorship", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("alias", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("alias_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("country", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("avatar_body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("avatar_trim", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'racer')", name=op.f("ck_racer_role_known")),
        sa.CheckConstraint("sponsorship IN ('active', 'paused', 'ended')", name=op.f("ck_racer_sponsorship_known")),
        sa.CheckConstraint("(alias IS NULL) = (alias_key IS NULL)", name=op.f("ck_racer_alias_has_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_racer")),
        sa.UniqueConstraint("alias_key", name=op.f("uq_racer_alias_key")),
        sa.UniqueConstraint("issuer", "subject", name="racer_identity"),
        sa.UniqueConstraint("public_id", name=op.f("uq_racer_public_id")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by_racer_id", sa.Integer(), nullable=True),
        sa.Column("action", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["by_racer_id"], ["racer.id"], name=op.f("fk_audit_event_by_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_event_at"), ["at"], unique=False)

    op.create_table(
        "browser_session",
        sa.Column("secret_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("id_token", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_agent", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["racer_id"], ["racer.id"], name=op.f("fk_browser_session_racer_id_racer"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_browser_session")),
    )
    with op.batch_alter_table("browser_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_browser_session_racer_id"), ["racer_id"], unique=False)

    op.create_table(
        "car",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("colour", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("metadata_json", sa.JSON(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_car_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_car")),
        sa.UniqueConstraint("public_id", name=op.f("uq_car_public_id")),
    )
    with op.batch_alter_table("car", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_car_racer_id"), ["racer_id"], unique=False)

    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("car_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("car_colour", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("car_metadata", sa.JSON(), nullable=False),
        sa.Column("track", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("direction", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hyperparameters", sa.JSON(), nullable=False),
        sa.Column("training_limit_ms", sa.Integer(), nullable=False),
        sa.Column("cloned_from_id", sa.Integer(), nullable=True),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cloned_from_id"], ["model.id"], name=op.f("fk_model_cloned_from_id_model")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_model_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("public_id", name=op.f("uq_model_public_id")),
    )
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_racer_id"), ["racer_id"], unique=False)

    op.create_table(
        "provider_code",
        sa.Column("code_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("expires_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["provider_account.id"],
            name=op.f("fk_provider_code_account_id_provider_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_provider_code")),
    )
    op.create_table(
        "provider_token",
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("expires_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["provider_account.id"],
            name=op.f("fk_provider_token_account_id_provider_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_provider_token")),
    )
    op.create_table(
        "race",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("track", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("direction", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("visibility", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("ranking", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("laps", sa.Integer(), nullable=False),
        sa.Column("minimum_laps", sa.Integer(), nullable=False),
        sa.Column("off_track_penalty_ms", sa.Integer(), nullable=False),
        sa.Column("collision_penalty_ms", sa.Integer(), nullable=False),
        sa.Column("maximum_resets", sa.Integer(), nullable=False),
        sa.Column("maximum_submissions", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("opens_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("closes_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ranking IN ('total', 'average', 'best')", name=op.f("ck_race_ranking_known")),
        sa.CheckConstraint("visibility IN ('public', 'private')", name=op.f("ck_race_visibility_known")),
        sa.CheckConstraint("closes_at > opens_at", name=op.f("ck_race_closes_after_opening")),
        sa.CheckConstraint("maximum_submissions > 0", name=op.f("ck_race_maximum_submissions_positive")),
        sa.CheckConstraint("minimum_laps BETWEEN 1 AND laps", name=op.f("ck_race_minimum_laps_reachable")),
        sa.ForeignKeyConstraint(["owner_id"], ["racer.id"], name=op.f("fk_race_owner_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_race")),
        sa.UniqueConstraint("public_id", name=op.f("uq_race_public_id")),
    )
    with op.batch_alter_table("race", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_race_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=True),
        sa.Column("race_id", sa.Integer(), nullable=True),
        sa.Column("quota_ms", sa.BigInteger(), nullable=True),
        sa.Column("reserved_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=False),
        sa.Column("spent_microusd", sa.BigInteger(), nullable=False),
        sa.Column("models_at_once", sa.Integer(), nullable=False),
        sa.Column("maximum_models", sa.Integer(), nullable=False),
        sa.CheckConstraint("(racer_id IS NULL) <> (race_id IS NULL)", name=op.f("ck_account_one_owner")),
        sa.CheckConstraint("reserved_ms >= 0", name=op.f("ck_account_reserved_not_negative")),
        sa.CheckConstraint("used_ms >= 0", name=op.f("ck_account_used_not_negative")),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_account_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_account_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("race_id", name=op.f("uq_account_race_id")),
        sa.UniqueConstraint("racer_id", name=op.f("uq_account_racer_id")),
    )
    op.create_table(
        "reward_function",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_reward_function_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_function")),
        sa.UniqueConstraint("model_id", "version", name="reward_function_version"),
    )
    with op.batch_alter_table("reward_function", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reward_function_model_id"), ["model_id"], unique=False)

    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("job_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("quota_ms", sa.BigInteger(), nullable=False),
        sa.Column("reserved_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=False),
        sa.Column("amount_microusd", sa.BigInteger(), nullable=False),
        sa.Column("by_racer_id", sa.Integer(), nullable=True),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('grant', 'reserve', 'settle', 'release', 'adjust')", name=op.f("ck_ledger_entry_kind_known")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_ledger_entry_account_id_account")),
        sa.ForeignKeyConstraint(["by_racer_id"], ["racer.id"], name=op.f("fk_ledger_entry_by_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("job_kind", "job_id", "kind", name="ledger_entry_once"),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_entry_account_id"), ["account_id"], unique=False)

    op.create_table(
        "reservation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("job_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("amount_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("job_kind IN ('training', 'evaluation')", name=op.f("ck_reservation_job_kind_known")),
        sa.CheckConstraint("state IN ('held', 'settled', 'released')", name=op.f("ck_reservation_state_known")),
        sa.CheckConstraint("amount_ms > 0", name=op.f("ck_reservation_amount_positive")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_reservation_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sa.UniqueConstraint("job_kind", "job_id", name="reservation_job"),
    )
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reservation_account_id"), ["account_id"], unique=False)

    op.create_table(
        "training_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("worker", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("lease_until", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("stop_requested_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("queued_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("used_ms", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("message", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("message_line", sa.Integer(), nullable=True),
        sa.Column("artefact", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("reward_function_id", sa.Integer(), nullable=False),
        sa.Column("limit_ms", sa.Integer(), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=False),
        sa.Column("iterations", sa.Integer(), nullable=False),
        sa.Column("episodes", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("best_iteration", sa.Integer(), nullable=True),
        sa.Column("best_lap_ms", sa.Integer(), nullable=True),
        sa.Column("completion_percent", sa.Float(), nullable=True),
        sa.Column("ended_because", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'completed', 'stopped', 'failed', 'refused')",
            name=op.f("ck_training_run_state_known"),
        ),
        sa.CheckConstraint("limit_ms > 0", name=op.f("ck_training_run_limit_positive")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_training_run_model_id_model")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_training_run_racer_id_racer")),
        sa.ForeignKeyConstraint(
            ["reward_function_id"],
            ["reward_function.id"],
            name=op.f("fk_training_run_reward_function_id_reward_function"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_training_run_public_id")),
    )
    with op.batch_alter_table("training_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_run_model_id"), ["model_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_training_run_racer_id"), ["racer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_training_run_state"), ["state"], unique=False)

    op.create_table(
        "evaluation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("worker", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("lease_until", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("stop_requested_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("queued_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("used_ms", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("message", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("message_line", sa.Integer(), nullable=True),
        sa.Column("artefact", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("training_run_id", sa.Integer(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=True),
        sa.Column("track", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("direction", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("total_ms", sa.Integer(), nullable=True),
        sa.Column("best_lap_ms", sa.Integer(), nullable=True),
        sa.Column("completion_percent", sa.Float(), nullable=True),
        sa.Column("resets", sa.Integer(), nullable=True),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'completed', 'stopped', 'failed', 'refused')",
            name=op.f("ck_evaluation_state_known"),
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_evaluation_model_id_model")),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_evaluation_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_evaluation_racer_id_racer")),
        sa.ForeignKeyConstraint(
            ["training_run_id"], ["training_run.id"], name=op.f("fk_evaluation_training_run_id_training_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
        sa.UniqueConstraint("public_id", name=op.f("uq_evaluation_public_id")),
    )
    with op.batch_alter_table("evaluation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evaluation_model_id"), ["model_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evaluation_race_id"), ["race_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evaluation_racer_id"), ["racer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evaluation_state"), ["state"], unique=False)

    op.create_table(
        "training_iteration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("training_run_id", sa.Integer(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("episodes", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("elapsed_ms", sa.Integer(), nullable=False),
        sa.Column("average_reward", sa.Float(), nullable=False),
        sa.Column("training_completion", sa.Float(), nullable=False),
        sa.Column("evaluation_completion", sa.Float(), nullable=False),
        sa.Column("best_lap_ms", sa.Integer(), nullable=True),
        sa.Column("best", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["training_run_id"],
            ["training_run.id"],
            name=op.f("fk_training_iteration_training_run_id_training_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_iteration")),
        sa.UniqueConstraint("training_run_id", "iteration", name="training_iteration_once"),
    )
    with op.batch_alter_table("training_iteration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_iteration_training_run_id"), ["training_run_id"], unique=False)

    op.create_table(
        "lap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time_ms", sa.Integer(), nullable=False),
        sa.Column("resets", sa.Integer(), nullable=False),
        sa.Column("off_tracks", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_lap_evaluation_id_evaluation"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lap")),
        sa.UniqueConstraint("evaluation_id", "number", name="lap_once"),
    )
    with op.batch_alter_table("lap", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lap_evaluation_id"), ["evaluation_id"], unique=False)

    op.create_table(
        "submission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("race_id", sa.Integer(), nullable=False),
        sa.Column("racer_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("created_at", portal.tables.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_submission_evaluation_id_evaluation")
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_submission_model_id_model")),
        sa.ForeignKeyConstraint(["race_id"], ["race.id"], name=op.f("fk_submission_race_id_race")),
        sa.ForeignKeyConstraint(["racer_id"], ["racer.id"], name=op.f("fk_submission_racer_id_racer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("evaluation_id", name=op.f("uq_submission_evaluation_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_submission_public_id")),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_race_id"), ["race_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_racer_id"), ["racer_id"], unique=False)

    _first_row_of_limits()
    for table in APPEND_ONLY:
        _refuse_changes(table)


def _first_row_of_limits() -> None:
    hour_ms = 3_600_000
    row = {
        "id": 1,
        "multi_user_enabled": True,
        "trainings_at_once": 100,
        "evaluations_at_once": 100,
        "cars": 1000,
        "private_leaderboards": 50,
        "new_racer_quota_ms": 5 * hour_ms,
        "new_racer_models_at_once": 2,
        "new_racer_maximum_models": 50,
        "training_hour_microusd": 3_500_000,
        "evaluation_hour_microusd": 3_500_000,
        "storage_gb_month_microusd": 23_000,
    }
    op.bulk_insert(sa.table("limits", *(sa.column(name) for name in row)), [row])


def _refuse_changes(table: str) -> None:
    """Triggers that make a table append-only, in the words of either database."""
    message = f"{table} is append-only"
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )


def _allow_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{verb}")
        return
    op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute(f"DROP FUNCTION {table}_append_only")


def downgrade() -> None:
    for table in APPEND_ONLY:
        _allow_changes(table)
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_submission_racer_id"))
        batch_op.drop_index(batch_op.f("ix_submission_race_id"))

    op.drop_table("submission")
    with op.batch_alter_table("lap", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lap_evaluation_id"))

    op.drop_table("lap")
    with op.batch_alter_table("training_iteration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_iteration_training_run_id"))

    op.drop_table("training_iteration")
    with op.batch_alter_table("evaluation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evaluation_state"))
        batch_op.drop_index(batch_op.f("ix_evaluation_racer_id"))
        batch_op.drop_index(batch_op.f("ix_evaluation_race_id"))
        batch_op.drop_index(batch_op.f("ix_evaluation_model_id"))

    op.drop_table("evaluation")
    with op.batch_alter_table("training_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_run_state"))
        batch_op.drop_index(batch_op.f("ix_training_run_racer_id"))
        batch_op.drop_index(batch_op.f("ix_training_run_model_id"))

    op.drop_table("training_run")
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reservation_account_id"))

    op.drop_table("reservation")
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entry_account_id"))

    op.drop_table("ledger_entry")
    with op.batch_alter_table("reward_function", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reward_function_model_id"))

    op.drop_table("reward_function")
    op.drop_table("account")
    with op.batch_alter_table("race", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_race_owner_id"))

    op.drop_table("race")
    op.drop_table("provider_token")
    op.drop_table("provider_code")
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_racer_id"))

    op.drop_table("model")
    with op.batch_alter_table("car", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_car_racer_id"))

    op.drop_table("car")
    with op.batch_alter_table("browser_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_browser_session_racer_id"))

    op.drop_table("browser_session")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_event_at"))

    op.drop_table("audit_event")
    op.drop_table("racer")
    op.drop_table("provider_account")
    with op.batch_alter_table("outbox_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_entry_sent_at"))

    op.drop_table("outbox_entry")
    op.drop_table("limits")
