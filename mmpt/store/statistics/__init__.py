"""What is in shards, in numbers: counts, lengths, words, overlap, and what looks wrong.

::

    shards --collect--> Statistics --view--> lines of text, page.html
"""

__all__: list[str] = []
