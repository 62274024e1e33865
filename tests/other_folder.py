"""Working in another folder: a file of the same name there is another file."""

from mmpt.processors.downstream import coin_files, msrvtt
from mmpt.store.tokenizing import token_bytes
from mmpt.utils.tokenizer import load_tokenizer


def forget_files():
    """Forget what is kept in memory by the name of its file."""
    for read in (load_tokenizer, token_bytes, msrvtt.read_sentences, coin_files._read):
        read.cache_clear()
