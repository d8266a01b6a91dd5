"""The words a user may be shown, and nothing else.

Invariants: an error whose text is meant for a person is a `UserError`; its message says what
happened and what to do next. Every other exception is a defect and keeps its traceback.
"""


class UserError(Exception):
    """A problem the user can do something about; the message says what."""


class Cancelled(Exception):
    """Work ended at a boundary because its visitor pressed Stop or left. Control flow, never shown."""
