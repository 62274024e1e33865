"""What a process that a test starts does first."""

import os


def begin(begun, folder, function, *arguments):
    """Tell that everything is imported, then call the function in a working folder."""
    os.chdir(folder)
    begun.set()
    function(*arguments)
