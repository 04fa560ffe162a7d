"""What is told to whoever called, in one line or a few, instead of a traceback."""


class Fault(Exception):
    """Something an operator must fix; the message says what and how."""
