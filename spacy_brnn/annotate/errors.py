"""What goes wrong for a reason that the user can act on."""


class AnnotateError(Exception):
    """One clear line: what was wrong, where, and what to do about it.

    read: records that were done, and are safe, when it happened.
    """

    read = 0
