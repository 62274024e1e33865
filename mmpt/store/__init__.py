"""Files of the toolkit: feature shards, captions, videos, and the tools that make and check them.

Picture of the way from videos to training data::

    videos --decode, features--> <fdir>/<id>.npy --shards--> <vfeat_dir>/<split>_<n>
    raw_caption.json --captions--> raw_caption_dedup.pkl --pretokenize--> <tfeat_dir><split>_<n>

Import the modules themselves (``mmpt.store.shards`` ...); nothing is loaded here.
"""

__all__: list[str] = []
