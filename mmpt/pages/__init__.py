"""HTML pages that stand alone: one look, charts, and the words for amounts; what they say is the callers'.

A page is a Jinja template beside the code that fills it. It extends ``page.html.j2``, takes parts from
``parts.html.j2``, and needs nothing beside it: styles, scripts and pictures are inside.
"""

__all__: list[str] = []
