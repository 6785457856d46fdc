"""Alembic's entry point: runs the migrations on the state that `migrate` names."""

from alembic import context

from meshseal.access.state import METADATA, open_state


def _run() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        raise RuntimeError("no sqlalchemy.url: call meshseal.access.state.migrate")
    engine = open_state(url)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


_run()
