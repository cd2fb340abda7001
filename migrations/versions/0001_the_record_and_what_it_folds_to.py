"""the record and what it folds to"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

# The record is append-only: the database itself refuses to change or delete a line of it.  On
# SQLite a REPLACE deletes without firing delete triggers, so a second row in the same place is
# refused before it can.
SQLITE = (
    """
    CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
    """,
    """
    CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
    """,
    """
    CREATE TRIGGER events_no_replace BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq OR id = NEW.id)
      OR EXISTS (SELECT 1 FROM events WHERE claim = NEW.claim AND number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
    """,
)

# Numbers are drawn when a row is inserted and seen when its transaction commits.  Whoever is about
# to draw one says so first, by an advisory lock held to the transaction's end, so that a reader can
# tell up to where nothing can appear any more (service/record/tail.py).
POSTGRESQL = (
    """
    CREATE FUNCTION claimdesk_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the record is append-only'; END $$
    """,
    """
    CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION claimdesk_append_only()
    """,
    """
    CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION claimdesk_append_only()
    """,
    """
    CREATE FUNCTION claimdesk_next_event() RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
      IF coalesce(current_setting('claimdesk.drawing', true), '') = '' THEN
        PERFORM pg_advisory_xact_lock_shared(
          (-9223372036854775808)::bigint
          + coalesce(pg_sequence_last_value('events_seq_seq'), 0) + 1
        );
        PERFORM set_config('claimdesk.drawing', 'yes', true);
      END IF;
      RETURN nextval('events_seq_seq');
    END $$
    """,
    "ALTER TABLE events ALTER COLUMN seq SET DEFAULT claimdesk_next_event()",
    """
    CREATE FUNCTION claimdesk_settled() RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
      drawn bigint := coalesce(pg_sequence_last_value('events_seq_seq'), 0);
      unsettled bigint;
    BEGIN
      SELECT min(((classid::bigint - 2147483648) << 32) + objid::bigint) INTO unsettled
      FROM pg_locks
      WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >= 2147483648
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
      RETURN least(drawn, unsettled - 1);
    END $$
    """,
)


def upgrade() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_idempotency")),
    )
    op.create_index(
        op.f("ix_idempotency_recorded_at"), "idempotency", ["recorded_at"], unique=False
    )

    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    op.create_table(
        "parties",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("full_name", sa.String(length=300), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["parent"], ["parties.slug"], name=op.f("fk_parties_parent_parties")
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_parties")),
    )
    op.create_index(op.f("ix_parties_parent"), "parties", ["parent"], unique=False)
    op.create_index(op.f("ix_parties_root"), "parties", ["root"], unique=False)

    op.create_table(
        "sources",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("publisher", sa.String(length=200), nullable=True),
        sa.Column("title", sa.String(length=500), nullable=True),
        sa.Column("published_at", instant, nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("archive_url", sa.String(length=2048), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_sources_fingerprint")),
    )
    op.create_table(
        "stories",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_stories")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=True),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("disabled_at", instant, nullable=True),
        sa.CheckConstraint(
            "role IN ('reader', 'checker', 'editor', 'admin')", name=op.f("ck_users_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("user", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=True),
        sa.Column("revoked_at", instant, nullable=True),
        sa.Column("last_used_at", instant, nullable=True),
        sa.CheckConstraint(
            "role IN ('reader', 'checker', 'editor', 'admin')", name=op.f("ck_api_keys_role")
        ),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_api_keys_user_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_user"), "api_keys", ["user"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("last_used_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_sessions_user_users")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user"), "sessions", ["user"], unique=False)

    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("used_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_sign_in_links_user_users")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_links")),
    )
    op.create_index(op.f("ix_sign_in_links_user"), "sign_in_links", ["user"], unique=False)

    op.create_table(
        "speakers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=200), nullable=True),
        sa.Column("folded_name", sa.String(length=400), nullable=False),
        sa.Column("folded_role", sa.String(length=400), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["party"], ["parties.slug"], name=op.f("fk_speakers_party_parties")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_speakers")),
        sa.UniqueConstraint(
            "party",
            "folded_name",
            "folded_role",
            name=op.f("uq_speakers_party_folded_name_folded_role"),
        ),
    )
    op.create_table(
        "statements",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=True),
        sa.Column("speaker", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("said_at", instant, nullable=False),
        sa.Column("precision", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("recorded_by", sa.String(length=120), nullable=False),
        sa.Column("withdrawn_at", instant, nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.Column("withdrawal_source", sa.Uuid(as_uuid=False), nullable=True),
        sa.CheckConstraint(
            "basis IN ('own_observation', 'documents', 'third_party', 'restates_claimant', 'unstated')",
            name=op.f("ck_statements_basis"),
        ),
        sa.CheckConstraint(
            "precision IN ('day', 'hour', 'minute', 'second')", name=op.f("ck_statements_precision")
        ),
        sa.ForeignKeyConstraint(
            ["party"], ["parties.slug"], name=op.f("fk_statements_party_parties")
        ),
        sa.ForeignKeyConstraint(
            ["speaker"], ["speakers.id"], name=op.f("fk_statements_speaker_speakers")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawal_source"],
            ["sources.id"],
            name=op.f("fk_statements_withdrawal_source_sources"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
    )
    op.create_index(
        op.f("ix_statements_party_said_at_id"),
        "statements",
        ["party", "said_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_statements_said_at_id"), "statements", ["said_at", "id"], unique=False)
    op.create_index(op.f("ix_statements_speaker"), "statements", ["speaker"], unique=False)

    op.create_table(
        "claims",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("assignee", sa.String(length=64), nullable=True),
        sa.Column("merged_into", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("lifecycle", sa.String(length=16), nullable=False),
        sa.Column("story", sa.String(length=64), nullable=True),
        sa.Column("claimant", sa.String(length=64), nullable=True),
        sa.Column("claimant_root", sa.String(length=64), nullable=True),
        sa.Column("part_of", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("origin_statement", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("challenged", sa.Boolean(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("claimed_at", instant, nullable=False),
        sa.Column("status_since", instant, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("last_hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('event', 'figure', 'attribution', 'prediction', 'position')",
            name=op.f("ck_claims_kind"),
        ),
        sa.CheckConstraint(
            "lifecycle IN ('active', 'withdrawn', 'merged')", name=op.f("ck_claims_lifecycle")
        ),
        sa.CheckConstraint(
            "status IN ('asserted', 'awaiting_confirmation', 'confirmed', 'disputed')",
            name=op.f("ck_claims_status"),
        ),
        sa.ForeignKeyConstraint(
            ["claimant"], ["parties.slug"], name=op.f("fk_claims_claimant_parties")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["claims.id"], name=op.f("fk_claims_merged_into_claims")
        ),
        sa.ForeignKeyConstraint(
            ["origin_statement"],
            ["statements.id"],
            name=op.f("fk_claims_origin_statement_statements"),
        ),
        sa.ForeignKeyConstraint(["part_of"], ["claims.id"], name=op.f("fk_claims_part_of_claims")),
        sa.ForeignKeyConstraint(["story"], ["stories.slug"], name=op.f("fk_claims_story_stories")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(
        "ix_claims_assignee",
        "claims",
        ["assignee", "changed_at", "id"],
        unique=False,
        sqlite_where=sa.text("assignee IS NOT NULL"),
        postgresql_where=sa.text("assignee IS NOT NULL"),
    )
    op.create_index(op.f("ix_claims_changed_at_id"), "claims", ["changed_at", "id"], unique=False)
    op.create_index(
        op.f("ix_claims_claimant_root_status_changed_at_id"),
        "claims",
        ["claimant_root", "status", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_claims_claimant_status_changed_at_id"),
        "claims",
        ["claimant", "status", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_claims_claimant_changed_at_id"),
        "claims",
        ["claimant", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_claims_claimant_root_changed_at_id"),
        "claims",
        ["claimant_root", "changed_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_claims_claimed_at_id"), "claims", ["claimed_at", "id"], unique=False)
    op.create_index(op.f("ix_claims_merged_into"), "claims", ["merged_into"], unique=False)
    op.create_index(
        op.f("ix_claims_origin_statement"), "claims", ["origin_statement"], unique=False
    )
    op.create_index(op.f("ix_claims_part_of"), "claims", ["part_of"], unique=False)
    op.create_index(
        "ix_claims_review",
        "claims",
        ["changed_at", "id"],
        unique=False,
        sqlite_where=sa.text("pending OR challenged OR NOT agrees"),
        postgresql_where=sa.text("pending OR challenged OR NOT agrees"),
    )
    op.create_index(
        op.f("ix_claims_status_changed_at_id"),
        "claims",
        ["status", "changed_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_claims_story_changed_at_id"), "claims", ["story", "changed_at", "id"], unique=False
    )

    op.create_table(
        "quotes",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("statement", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("rendering", sa.String(length=16), nullable=False),
        sa.Column("source", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("exact", sa.Text(), nullable=True),
        sa.Column("prefix", sa.Text(), nullable=True),
        sa.Column("suffix", sa.Text(), nullable=True),
        sa.Column("recorded_at", instant, nullable=False),
        sa.CheckConstraint(
            "rendering IN ('verbatim', 'translated', 'paraphrase')",
            name=op.f("ck_quotes_rendering"),
        ),
        sa.ForeignKeyConstraint(["source"], ["sources.id"], name=op.f("fk_quotes_source_sources")),
        sa.ForeignKeyConstraint(
            ["statement"], ["statements.id"], name=op.f("fk_quotes_statement_statements")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quotes")),
        sa.UniqueConstraint("statement", "position", name=op.f("uq_quotes_statement_position")),
    )
    op.create_index(op.f("ix_quotes_source"), "quotes", ["source"], unique=False)
    op.create_index(op.f("ix_quotes_statement"), "quotes", ["statement"], unique=False)

    op.create_table(
        "claim_tags",
        sa.Column("tag", sa.String(length=50), nullable=False),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("added_at", instant, nullable=False),
        sa.Column("removed_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_claim_tags_claim_claims")),
        sa.PrimaryKeyConstraint("tag", "claim", "added_at", name=op.f("pk_claim_tags")),
    )
    op.create_index(op.f("ix_claim_tags_claim"), "claim_tags", ["claim"], unique=False)

    op.create_table(
        "claim_versions",
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant, nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("lifecycle", sa.String(length=16), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("assignee", sa.String(length=64), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim"], ["claims.id"], name=op.f("fk_claim_versions_claim_claims")
        ),
        sa.PrimaryKeyConstraint("claim", "version", name=op.f("pk_claim_versions")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_claim_versions_recorded_at_claim"),
        "claim_versions",
        ["recorded_at", "claim"],
        unique=False,
    )
    op.create_index(
        op.f("ix_claim_versions_status_recorded_at_claim"),
        "claim_versions",
        ["status", "recorded_at", "claim"],
        unique=False,
    )

    op.create_table(
        "decisions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("to", sa.String(length=24), nullable=False),
        sa.Column("from", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.String(length=64), nullable=False),
        sa.Column("proposed_by_name", sa.String(length=120), nullable=False),
        sa.Column("proposed_at", instant, nullable=False),
        sa.Column("settled_by", sa.String(length=64), nullable=True),
        sa.Column("settled_by_name", sa.String(length=120), nullable=True),
        sa.Column("settled_at", instant, nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'rejected', 'withdrawn', 'superseded')",
            name=op.f("ck_decisions_state"),
        ),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_decisions_claim_claims")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index(op.f("ix_decisions_claim"), "decisions", ["claim"], unique=False)
    op.create_index(
        op.f("ix_decisions_state_proposed_at_id"),
        "decisions",
        ["state", "proposed_at", "id"],
        unique=False,
    )

    op.create_table(
        "events",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_events_claim_claims")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("claim", "number", name=op.f("uq_events_claim_number")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "links",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("statement", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("stance", sa.String(length=24), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("conditional", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("linked_by", sa.String(length=120), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("retracted_at", instant, nullable=True),
        sa.Column("retraction_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("scope IN ('full', 'partial')", name=op.f("ck_links_scope")),
        sa.CheckConstraint(
            "stance IN ('supports', 'contradicts', 'requests_confirmation', 'comments')",
            name=op.f("ck_links_stance"),
        ),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_links_claim_claims")),
        sa.ForeignKeyConstraint(
            ["statement"], ["statements.id"], name=op.f("fk_links_statement_statements")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_claim"), "links", ["claim"], unique=False)
    op.create_index(
        op.f("ix_links_party_stance_claim"), "links", ["party", "stance", "claim"], unique=False
    )
    op.create_index(
        op.f("ix_links_root_stance_claim"), "links", ["root", "stance", "claim"], unique=False
    )
    op.create_index(op.f("ix_links_statement"), "links", ["statement"], unique=False)

    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("author_name", sa.String(length=120), nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_notes_claim_claims")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index(
        op.f("ix_notes_claim_recorded_at_id"), "notes", ["claim", "recorded_at", "id"], unique=False
    )

    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if sqlite else POSTGRESQL:
        op.execute(statement)
    # Signs cursors, so that a forged one is told from ours; every process of this installation
    # reads the same.
    op.execute(
        sa.text("INSERT INTO installation (name, value) VALUES ('cursor_key', :key)").bindparams(
            key=secrets.token_hex(32)
        )
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_notes_claim_recorded_at_id"), table_name="notes")

    op.drop_table("notes")
    op.drop_index(op.f("ix_links_statement"), table_name="links")
    op.drop_index(op.f("ix_links_root_stance_claim"), table_name="links")
    op.drop_index(op.f("ix_links_party_stance_claim"), table_name="links")
    op.drop_index(op.f("ix_links_claim"), table_name="links")

    op.drop_table("links")
    op.drop_table("events")
    op.drop_index(op.f("ix_decisions_state_proposed_at_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_claim"), table_name="decisions")

    op.drop_table("decisions")
    op.drop_index(op.f("ix_claim_versions_status_recorded_at_claim"), table_name="claim_versions")
    op.drop_index(op.f("ix_claim_versions_recorded_at_claim"), table_name="claim_versions")

    op.drop_table("claim_versions")
    op.drop_index(op.f("ix_claim_tags_claim"), table_name="claim_tags")

    op.drop_table("claim_tags")
    op.drop_index(op.f("ix_quotes_statement"), table_name="quotes")
    op.drop_index(op.f("ix_quotes_source"), table_name="quotes")

    op.drop_table("quotes")
    op.drop_index(op.f("ix_claims_story_changed_at_id"), table_name="claims")
    op.drop_index(op.f("ix_claims_status_changed_at_id"), table_name="claims")
    op.drop_index(
        "ix_claims_review",
        table_name="claims",
        sqlite_where=sa.text("pending OR challenged OR NOT agrees"),
        postgresql_where=sa.text("pending OR challenged OR NOT agrees"),
    )
    op.drop_index(op.f("ix_claims_part_of"), table_name="claims")
    op.drop_index(op.f("ix_claims_origin_statement"), table_name="claims")
    op.drop_index(op.f("ix_claims_merged_into"), table_name="claims")
    op.drop_index(op.f("ix_claims_claimed_at_id"), table_name="claims")
    op.drop_index(op.f("ix_claims_claimant_status_changed_at_id"), table_name="claims")
    op.drop_index(op.f("ix_claims_claimant_root_status_changed_at_id"), table_name="claims")
    op.drop_index(op.f("ix_claims_claimant_root_changed_at_id"), table_name="claims")
    op.drop_index(op.f("ix_claims_claimant_changed_at_id"), table_name="claims")
    op.drop_index(op.f("ix_claims_changed_at_id"), table_name="claims")
    op.drop_index(
        "ix_claims_assignee",
        table_name="claims",
        sqlite_where=sa.text("assignee IS NOT NULL"),
        postgresql_where=sa.text("assignee IS NOT NULL"),
    )

    op.drop_table("claims")
    op.drop_index(op.f("ix_statements_speaker"), table_name="statements")
    op.drop_index(op.f("ix_statements_said_at_id"), table_name="statements")
    op.drop_index(op.f("ix_statements_party_said_at_id"), table_name="statements")

    op.drop_table("statements")
    op.drop_table("speakers")
    op.drop_index(op.f("ix_sign_in_links_user"), table_name="sign_in_links")

    op.drop_table("sign_in_links")
    op.drop_index(op.f("ix_sessions_user"), table_name="sessions")

    op.drop_table("sessions")
    op.drop_index(op.f("ix_api_keys_user"), table_name="api_keys")

    op.drop_table("api_keys")
    op.drop_table("users")
    op.drop_table("stories")
    op.drop_table("sources")
    op.drop_index(op.f("ix_parties_root"), table_name="parties")
    op.drop_index(op.f("ix_parties_parent"), table_name="parties")

    op.drop_table("parties")
    op.drop_table("installation")
    op.drop_index(op.f("ix_idempotency_recorded_at"), table_name="idempotency")

    op.drop_table("idempotency")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION claimdesk_settled()")
        op.execute("DROP FUNCTION claimdesk_next_event()")
        op.execute("DROP FUNCTION claimdesk_append_only()")
