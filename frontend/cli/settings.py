"""`liveness settings`: every setting, what it is for, and its value now."""

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from frontend.settings import Settings, load_settings


def settings() -> None:
    """Show every setting with its variable, its value now and what it is for."""
    current = load_settings()
    table = Table(Column("variable", overflow="fold"), Column("value", overflow="fold"), "for")
    for name, field in Settings.model_fields.items():
        value = "(set)" if name == "keys_url" and current.keys_url else str(getattr(current, name))
        table.add_row(*map(Text, (f"LIVENESS_{name.upper()}", value, field.description or "")))
    Console().print(table)
