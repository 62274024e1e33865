"""What a process that a test starts does first."""


def begin(begun, function, *arguments):
    """Tell that everything is imported, then call the function."""
    begun.set()
    function(*arguments)
