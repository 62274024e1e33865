"""Parts that models are composed of: BERT with video tokens, masks, pooling, padding removal."""
