"""What no webhook brought: fetched from Telnyx, or given up as lost."""

__all__: list[str] = []
