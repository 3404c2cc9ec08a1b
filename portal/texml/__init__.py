"""Knows TeXML: its grammar, how a document is read, judged and run, and what TwiML says otherwise.

Nothing here needs Django or a database: the sandbox reads documents by the same table.
"""

__all__ = [
    "conversation",
    "findings",
    "grammar",
    "interpreter",
    "outcomes",
    "rendering",
    "templates",
    "tree",
    "twiml",
    "verbs",
]
