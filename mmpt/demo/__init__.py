"""The demo world: narrated instructional videos of coloured shapes, as real files.

:mod:`~mmpt.demo.scene` says what happens, :mod:`~mmpt.demo.render` shows it,
:mod:`~mmpt.demo.narration` talks about it, :mod:`~mmpt.demo.world` writes the files.
"""
