"""Where the pages of a model are: in its racer's garage, or among the administrator's, who looks and may stop
what runs.

Templates of `models/`, `trainings/` and `evaluations/` are shared by both; they take their links from `at`.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from portal.tables import Model, Racer, TrainingRun


@dataclass(frozen=True, slots=True)
class ModelPages:
    """The addresses of one model's pages. `owner` is set where an administrator looks at it."""

    model: Model
    owner: Racer | None = None

    @property
    def read_only(self) -> bool:
        return self.owner is not None

    def _to(self, garage: str, admin: str, **values: object) -> str:
        endpoint = f"admin_model.{admin}" if self.read_only else garage
        return url_for(endpoint, model_id=self.model.public_id, **values)  # type: ignore[arg-type]

    def training(self, run: TrainingRun | None = None) -> str:
        return self._to("models.show", "show", run=run.public_id if run else None)

    def points(self, run: TrainingRun) -> str:
        if self.read_only:
            return url_for("admin_model.points", model_id=self.model.public_id, run_id=run.public_id)
        return url_for("trainings.points", run_id=run.public_id)

    def evaluations(self) -> str:
        return self._to("evaluations.of_model", "evaluations")

    def reward(self, version: int | None = None) -> str:
        return self._to("reward_functions.show", "reward_function", version=version)

    def changes(self, older: int, newer: int) -> str:
        return self._to("reward_functions.changes", "changes", to=newer, **{"from": older})

    def submissions(self) -> str:
        return self._to("models.submissions", "submissions")

    def configuration(self) -> str:
        return self._to("models.configuration", "configuration")

    def download(self) -> str:
        return self._to("models.download", "download")

    def files(self) -> str:
        return self._to("model_files.show", "files")

    def logs(self, run: TrainingRun) -> str:
        return self._to("model_files.logs", "logs", run_id=run.public_id)

    def download_as(self, form: str) -> str:
        return self._to("model_files.download", "download_as", form=form)
