"""Search one's own videos: an index of vectors in a folder, and what looks things up in it.

::

    videos --build_index--> INDEX --Searcher--> moments that fit a text, videos like a video

    INDEX/index.json   which segments there are; replaced as a whole    :mod:`mmpt.search.manifest`
    INDEX/segments/    vectors and names of videos; never changed       :mod:`mmpt.search.segment`
    INDEX/features/    what the videos were decoded and encoded to      :mod:`mmpt.search.build`
"""

from mmpt.search.build import IndexReport, build_index, remove_videos
from mmpt.search.index import Index
from mmpt.search.searcher import Hit, Searcher
from mmpt.search.segment import VideoEntry

__all__ = ["Hit", "Index", "IndexReport", "Searcher", "VideoEntry", "build_index", "remove_videos"]
