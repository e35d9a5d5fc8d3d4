"""A racer's garage: cars, models and the versions of their reward functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from portal.tables.columns import UtcDateTime, public_id


class Car(SQLModel, table=True):
    """Sensors, network and action space under a name, with a colour; a model copies it when it is made."""

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    racer_id: int = Field(foreign_key="racer.id", index=True)
    name: str
    colour: str = "teal"
    metadata_json: dict[str, Any] = Field(sa_type=JSON)
    """The car in the schema of `model_metadata.json`."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Model(SQLModel, table=True):
    """A driving policy: what it is made from. Its weights are those of its latest finished training."""

    __table_args__ = (Index("ix_model_in_garage", "racer_id", "deleted_at", "stored_bytes"),)
    """Counts and sizes of many racers' models are read from the index alone."""

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(default_factory=public_id, unique=True)
    racer_id: int = Field(foreign_key="racer.id", index=True)
    name: str
    description: str = ""
    car_name: str
    car_colour: str = "teal"
    car_metadata: dict[str, Any] = Field(sa_type=JSON)
    """The car as it was when the model was made; later changes to the car do not reach it."""
    track: str
    direction: str
    hyperparameters: dict[str, Any] = Field(sa_type=JSON)
    scene: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"})
    """`look` and `randomisation` of the world that it trains in, the `starts` of its episodes, and what the best
    iteration is chosen by (`best_by`), each only where it is not the usual one."""
    training_limit_ms: int
    cloned_from_id: int | None = Field(default=None, foreign_key="model.id")
    imported_from: str | None = None
    """Where an imported model came from, in words; None for one that was made here."""
    stored_bytes: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """What its artefacts take on the disk: cached, measured again every day."""
    used_ms: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """Time charged for its trainings and evaluations, a race's included: cached from the ledger."""
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was last trained, evaluated, entered in a race or downloaded."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    purged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the artefacts of a deleted model were removed for good; until then it can be restored."""


class RewardFunction(SQLModel, table=True):
    """One version of the racer's code for one model. Versions are kept; the highest is the current one."""

    __tablename__ = "reward_function"
    __table_args__ = (UniqueConstraint("model_id", "version", name="reward_function_version"),)

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id", index=True)
    version: int
    code: str
    created_at: datetime = Field(sa_type=UtcDateTime)
