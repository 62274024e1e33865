"""Captioning as plainly as it can be written, to measure and check the real one against.

No states are kept: every step runs video, prompt and all words so far, for every beam.
"""

from collections.abc import Sequence

import torch

from mmpt.models.generation import MMFusionNLG

__all__ = ["naive_captions"]


def naive_captions(
    model: MMFusionNLG,
    caps: torch.Tensor,
    vfeats: torch.Tensor,
    attention_mask: torch.Tensor,
    *,
    num_beams: int,
    max_length: int,
    length_penalty: float = 1.0,
) -> list[list[int]]:
    """Return the best caption of each clip with its prompt and without its end; see ``generate``."""
    pad, end = model.mm_encoder.bert.config.pad_token_id, int(caps[0, 1])
    beams = [[(0.0, row.tolist())] for row in caps]
    kept: list[list[tuple[float, list[int]]]] = [[] for _ in caps]
    done = [False] * len(caps)
    for length in range(caps.shape[1], max_length):
        # Finished clips and beams that do not exist yet are padded: the batch keeps its size.
        rows = [tokens for clip in beams for _, tokens in clip + clip[:1] * (num_beams - len(clip))]
        logits = last_logits(model, rows, vfeats, attention_mask)
        for clip, chances in enumerate(logits.log_softmax(-1).view(len(caps), num_beams, -1)):
            if done[clip]:
                beams[clip] = [(total, [*tokens, pad]) for total, tokens in beams[clip]]
                continue
            totals = torch.stack([chances[i] + total for i, (total, _) in enumerate(beams[clip])])
            best, places = totals.flatten().topk(2 * num_beams)
            going = []
            for rank, (total, place) in enumerate(zip(best.tolist(), places.tolist(), strict=True)):
                beam, word = divmod(place, totals.shape[1])
                tokens = beams[clip][beam][1]
                if word != end:
                    going.append((total, [*tokens, word]))
                elif rank < num_beams:
                    kept[clip].append((total / length**length_penalty, tokens))
            kept[clip] = sorted(kept[clip], key=lambda pair: -pair[0])[:num_beams]
            beams[clip] = going[:num_beams]
            if len(kept[clip]) == num_beams:
                done[clip] = kept[clip][-1][0] >= best[0].item() / length**length_penalty
        if all(done):
            break
    for clip, finished in enumerate(done):
        if not finished:
            kept[clip] += [(total / len(t) ** length_penalty, t) for total, t in beams[clip]]
    return [max(clip, key=lambda pair: pair[0])[1] for clip in kept]


def last_logits(
    model: MMFusionNLG, rows: Sequence[Sequence[int]], vfeats: torch.Tensor, attention_mask: torch.Tensor
) -> torch.Tensor:
    """Return the logits of the last position of each row, running everything before it."""
    ids = torch.tensor(rows, device=vfeats.device)
    beams = len(rows) // len(vfeats)
    size = vfeats.shape[1] + ids.shape[1]
    videos = vfeats.repeat_interleave(beams, 0)
    mask = attention_mask[:, :size, :size].repeat_interleave(beams, 0)
    return model.mm_encoder.cls(model.mm_encoder(ids, videos, mask)[:, -1])
