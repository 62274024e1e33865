"""Pages about runs: what was trained and how it went, what it scores, and what it finds and confuses.

::

    <run>/metrics.jsonl, config.yaml, **/*.result.json --run--> Run --page--> <run>/report.html
                                                     several runs --page--> comparison.html

A run is a folder. What it lacks, the page says; nothing of it needs a model, data or a network.
"""

__all__: list[str] = []
