"""The tree of clones that a model belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from portal.tables import Model

MOST_ANCESTORS = 64
MOST_MODELS = 200
"""Of one tree; a page shows no more."""


@dataclass(slots=True)
class Branch:
    """A model of the tree and its clones, the oldest first."""

    model: Model
    is_own: bool
    """True where its page is open to who looks at the tree: it is the same racer's."""
    children: list[Branch] = field(default_factory=list)


def tree(session: Session, model: Model) -> Branch:
    """The whole tree from its first model on, as far as it is the racer's own: a model that came from another racer
    begins a tree. Deleted ones stay in it, since their clones would hang in the air without them."""
    root = _first(session, model)
    branches = {root.id: Branch(root, True)}
    level = [root.id]
    while level and len(branches) < MOST_MODELS:
        query = select(Model).where(col(Model.cloned_from_id).in_(level), Model.racer_id == model.racer_id)
        found = session.exec(query.order_by(col(Model.id)).limit(MOST_MODELS - len(branches))).all()
        for child in found:
            branches[child.id] = Branch(child, child.deleted_at is None)
            branches[child.cloned_from_id].children.append(branches[child.id])
        level = [child.id for child in found]
    branches[root.id].is_own = root.deleted_at is None
    return branches[root.id]


def _first(session: Session, model: Model) -> Model:
    """The earliest ancestor that is the same racer's."""
    for _ in range(MOST_ANCESTORS):
        parent = session.get(Model, model.cloned_from_id) if model.cloned_from_id else None
        if parent is None or parent.racer_id != model.racer_id:
            return model
        model = parent
    return model
