"""lists of claims are chosen from within the indexes that they walk"""

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

CHOICE = (
    *("lifecycle", "kind", "agrees", "superseded_since", "claimed_at", "claimed_end"),
    "origin_statement",
)
CHOICE_THEN = ("superseded_at", "lifecycle", "agrees", "hold_since")
INDEXES = (
    ("claims", "ix_claims_changed", ("changed_at", "id"), CHOICE),
    ("claims", "ix_claims_status", ("status", "changed_at", "id"), CHOICE),
    ("claim_versions", "ix_claim_versions_recorded", ("recorded_at", "claim"), CHOICE_THEN),
    ("claim_versions", "ix_claim_versions_status", ("status", "recorded_at", "claim"), CHOICE_THEN),
)


def upgrade() -> None:
    for table, name, order, choice in INDEXES:
        op.drop_index("_".join(["ix", table, *order]), table_name=table)
        op.create_index(name, table, [*order, *choice])


def downgrade() -> None:
    for table, name, order, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
        op.create_index(op.f("_".join(["ix", table, *order])), table, [*order])
