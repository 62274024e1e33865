"""Searching in the browser: a small HTTP server over an index, and one page that needs no network.

:mod:`mmpt.web.app` answers requests, :mod:`mmpt.web.library` knows the index, :mod:`mmpt.web.guard` keeps
strangers out, :mod:`mmpt.web.ratelimit` and :mod:`mmpt.web.gate` keep floods out, :mod:`mmpt.web.server`
listens. The page itself is in ``static/``, as it is sent. Needs the extra ``serve``.
"""
