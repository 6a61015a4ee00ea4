"""The tables, and the statements of the tick path. Exact amounts are whole drops, and RLUSD as text.

Text, because SQLite would turn a decimal column into a float and change about one 16-digit amount in ten.
"""

from __future__ import annotations

from collections.abc import Sequence

from peewee import (
    EXCLUDED,
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    Database,
    DoubleField,
    Expression,
    IntegerField,
    Model,
    SchemaManager,
    TextField,
)

__all__ = [
    "TABLES",
    "VERSION",
    "Anomalies",
    "Commands",
    "EngineState",
    "Events",
    "Fills",
    "Leases",
    "Orders",
    "Sessions",
    "Ticks",
    "TruthChecks",
    "create",
    "insert",
    "tick_id",
    "ticks_of",
    "unfinished",
]

VERSION = 2
"""A change of a table needs a higher one, and a step in migrations.py."""

ZERO, EMPTY = SQL("DEFAULT 0"), SQL("DEFAULT ''")


class Sessions(Model):
    """One `neo run`, from start to halt. `ended_at` is empty while it runs, and stays so after a crash."""

    id = AutoField()
    engine = TextField(index=True)
    mode = TextField()
    account = TextField()
    scenario = TextField(null=True)
    seed = IntegerField(null=True)
    started_at = TextField()
    ended_at = TextField(null=True)
    ticks = IntegerField(null=True)
    halt_reason = TextField(null=True)
    halt_source = TextField(null=True)
    halt_detail = TextField(null=True)
    inventory_start = TextField(null=True)
    inventory_end = TextField(null=True)
    plugins = TextField()
    config = TextField()

    class Meta:
        table_name = "sessions"


class EngineState(Model):
    engine = TextField()
    key = TextField()
    value = TextField()

    class Meta:
        table_name = "engine_state"
        primary_key = CompositeKey("engine", "key")
        without_rowid = True


class Orders(Model):
    engine = TextField()
    id = TextField()
    account = TextField()
    session = IntegerField()
    side = TextField()
    price = DoubleField()
    drops = BigIntegerField()
    rlusd = TextField()
    rest_drops = BigIntegerField()
    rest_rlusd = TextField()
    status = TextField()
    placed_at = DoubleField()
    placed_tick = IntegerField()
    expires_at = DoubleField(null=True)
    sequence = BigIntegerField()
    tx_hash = TextField()
    last_ledger = BigIntegerField()
    seen = BooleanField()
    cancel_tx_hash = TextField()
    cancel_ledger = BigIntegerField()
    cancelled_at = TextField()
    cancel_reason = TextField()
    closed_ledger = BigIntegerField()
    proofs = TextField()
    filled_drops = BigIntegerField(constraints=[ZERO])
    vanished_ledger = BigIntegerField(constraints=[ZERO])

    class Meta:
        table_name = "orders"
        primary_key = CompositeKey("engine", "id")
        without_rowid = True


class Fills(Model):
    """Unique within an account: a fresh paper wallet may come to the same hashes as the one before it."""

    id = AutoField()
    engine = TextField()
    account = TextField()
    session = IntegerField(index=True)
    order_id = TextField()
    side = TextField()
    drops = BigIntegerField()
    rlusd = TextField()
    price = DoubleField(null=True)
    tx_hash = TextField()
    sequence = BigIntegerField()
    ledger_index = BigIntegerField()
    tick = IntegerField()
    at = DoubleField()
    proven = BooleanField()

    class Meta:
        table_name = "fills"
        indexes = ((("engine", "account", "tx_hash", "sequence"), True),)


class Ticks(Model):
    """The decision log. `id` is made of session and tick, so that each tick is written behind the one before it:
    SQLite then fills page after page, where a key of texts or of two columns would have it split them.
    """

    id = BigIntegerField(primary_key=True)
    engine = TextField()
    session = IntegerField()
    tick = IntegerField()
    ledger_index = BigIntegerField()
    now = DoubleField()
    mode = TextField()
    decision = TextField()

    class Meta:
        table_name = "ticks"


class Events(Model):
    id = AutoField()
    engine = TextField()
    session = IntegerField(index=True)
    tick = IntegerField()
    at = DoubleField()
    kind = TextField()
    source = TextField()
    text = TextField()
    facts = TextField()

    class Meta:
        table_name = "events"


class Anomalies(Model):
    id = AutoField()
    engine = TextField()
    session = IntegerField(index=True)
    tick = IntegerField()
    at = DoubleField()
    order_id = TextField()
    verdict = TextField()
    layer = TextField()
    evidence = TextField()
    inventory_before = TextField(null=True)
    inventory_after = TextField(null=True)
    age_seconds = DoubleField(null=True)
    token = TextField(constraints=[EMPTY])

    class Meta:
        table_name = "anomalies"


class TruthChecks(Model):
    """Wallet truth. Nothing is known of either side where a check could not be made."""

    id = AutoField()
    engine = TextField()
    session = IntegerField(index=True)
    tick = IntegerField()
    ledger_index = BigIntegerField()
    at = DoubleField()
    verdict = TextField()
    inventory = TextField(null=True)
    wallet = TextField(null=True)
    xrp_difference = TextField(null=True)
    rlusd_difference = TextField(null=True)

    class Meta:
        table_name = "truth_checks"


class Leases(Model):
    """The process that trades as an engine. `locked`: it also has the lock that ends with the process."""

    engine = TextField(primary_key=True)
    holder = TextField()
    session = IntegerField(null=True)
    host = TextField()
    pid = BigIntegerField()
    taken_at = DoubleField()
    beaten_at = DoubleField()
    expires_at = DoubleField()
    locked = BooleanField()

    class Meta:
        table_name = "leases"


class Commands(Model):
    """What an operator asks for once. `done_at` is by the session's clock, `asked_at` by the operator's."""

    id = AutoField()
    engine = TextField(index=True)
    kind = TextField()
    order_id = TextField()
    filled = BooleanField()
    reason = TextField()
    asked_at = DoubleField()
    done_at = DoubleField(null=True)
    session = IntegerField(null=True)
    tick = IntegerField(null=True)
    result = TextField(null=True)

    class Meta:
        table_name = "commands"


TABLES: tuple[type[Model], ...] = (
    Sessions,
    EngineState,
    Orders,
    Fills,
    Ticks,
    Events,
    Anomalies,
    TruthChecks,
    Leases,
    Commands,
)


FINISHED = ("FILLED", "CANCELLED", "EXPIRED", "REJECTED")


def unfinished() -> Expression:
    """Orders to be watched: whatever their status says, so that one that cannot be read is not passed over."""
    marked_and_over = (Orders.status == "CANCELLED_BY_ENGINE") & (Orders.closed_ledger != 0)
    watched: Expression = Orders.status.not_in(FINISHED) & ~marked_and_over
    return watched


def tick_id(session: int, tick: int) -> int:
    return session * 2**32 + tick


def ticks_of(session: int, since_tick: int = 0) -> Expression:
    return Ticks.id.between(tick_id(session, since_tick), tick_id(session + 1, 0) - 1)


def create(database: Database) -> None:
    for table in TABLES:
        SchemaManager(table, database).create_all()


def insert(database: Database, table: type[Model], key: Sequence[str] = (), keep: Sequence[str] = ()) -> str:
    """The text of an insert of whole rows, in the order of the columns.

    With a `key`, a row that is there is replaced, all but its key and the columns to `keep`.
    """
    columns = table._meta.sorted_fields  # noqa: SLF001 (the name under which peewee documents it)
    fields = [field for field in columns if not isinstance(field, AutoField)]
    query = table.insert_many([[None] * len(fields)], fields=fields)
    if key:
        query = query.on_conflict(
            conflict_target=list(key),
            update={f: getattr(EXCLUDED, f.name) for f in fields if f.name not in {*key, *keep}},
        )
    text: str = query.bind(database).sql()[0]
    return text
