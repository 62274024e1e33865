"""The straightforward way to the loss of masked token modelling: every position scored against everything.

All frames are projected twice (as seen and as they are), padding is computed, and the logits of every
position against the whole vocabulary and every frame of the batch exist at once. The benchmark times
it, and the tests take it as the truth that the fast way must agree with.
"""

import torch
from torch.nn import functional

from mmpt.models import MMFusionMTM
from mmpt.types import IGNORED


def mtm_loss(
    model: MMFusionMTM,
    caps: torch.Tensor,
    cmasks: torch.Tensor,
    vfeats: torch.Tensor,
    vmasks: torch.Tensor,
    video_label: torch.Tensor,
    text_label: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the loss of a batch; see ``MMFusionMTM.forward`` for the arguments."""
    encoder, seconds = model.mm_encoder, vfeats.shape[1]
    if attention_mask is None:
        attention_mask = torch.cat([cmasks[:, :1], vmasks, cmasks[:, 1:]], dim=1)
    hidden = encoder(caps, vfeats.masked_fill(video_label[..., None], 0), attention_mask)
    head = encoder.cls.predictions
    predicted = head.transform(hidden)
    frames = encoder.videomlp(vfeats)
    unusable = ~vmasks | video_label
    to_frames = (predicted @ frames.flatten(0, 1).t()).masked_fill(unusable.flatten(), -torch.inf)
    logits = torch.cat([to_frames, head.decoder(predicted)], dim=-1)
    own = torch.zeros_like(logits[..., :1])  # column 0: a masked frame itself, 0 beside words
    own[:, 1 : seconds + 1] = (predicted[:, 1 : seconds + 1] * frames).sum(-1, keepdim=True)
    logits = torch.cat([own, logits], dim=-1)
    first_word = 1 + unusable.numel()
    words = torch.where(text_label == IGNORED, IGNORED, text_label + first_word)
    video = torch.where(video_label, 0, IGNORED)
    targets = torch.cat([words[:, :1], video, words[:, 1:]], dim=1)
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
