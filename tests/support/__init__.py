"""What tests share: rows, signed webhooks, servers that answer, and what the sandbox was asked."""
