"""Gathered negatives: two workers with gloo have the loss and the gradients of one with all pairs."""

from itertools import product

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from mmpt.config import LossConfig
from mmpt.losses import MMContraLoss, MMSigmoidLoss, T2VContraLoss, V2TContraLoss
from mmpt.modules.chunks import in_chunks

LOSSES = {cls.__name__: cls for cls in (MMContraLoss, MMSigmoidLoss, T2VContraLoss, V2TContraLoss)}
SIZES = {"equal": (3, 3), "uneven": (4, 2), "one pair": (1, 5)}
LEFT = {"second has none": (6, -1), "first has none": (-1, 6)}  # -1: a batch that stands in for none
CHUNKS = {None: "at once", 2: "cached gradients"}
TEMPERATURE = 0.5


class Towers(nn.Module):
    """Two towers of one layer each, and a loss with a learned scale."""

    def __init__(self, loss, gather=False, chunk=None):
        super().__init__()
        self.chunk = chunk
        torch.manual_seed(1)
        self.video, self.text = nn.Linear(6, 4), nn.Linear(6, 4)
        self.loss = LOSSES[loss](LossConfig(gather=gather, temperature=TEMPERATURE))

    def forward(self, inputs, ignored=False):
        if self.chunk is not None:
            video, text = in_chunks(self.video, self.chunk, inputs), in_chunks(self.text, self.chunk, -inputs)
        else:
            video, text = self.video(inputs), self.text(-inputs)
        return self.loss(video, text, ignored=ignored)

    def gradients(self):
        return [parameter.grad for parameter in self.parameters()]


def all_pairs():
    return torch.randn(6, 6, generator=torch.Generator().manual_seed(2))


def worker(rank, folder, counts):
    """Compute every case in one group of processes; save the losses and the reduced gradients."""
    address = f"file://{folder}/rendezvous"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    torch.set_num_threads(1)
    found = {}
    for case, sizes in counts.items():
        start = sum(max(size, 0) for size in sizes[:rank])
        ignored = sizes[rank] < 0
        inputs = all_pairs()[:2] if ignored else all_pairs()[start : start + sizes[rank]]
        for name, chunk in product(LOSSES, CHUNKS):
            model = Towers(name, gather=True, chunk=chunk)
            wrapped = DistributedDataParallel(model)
            loss = wrapped(inputs, ignored=ignored)
            (loss * 0 if ignored else loss).backward()
            evaluated = model.eval()(inputs).item()
            found[case, name, chunk] = (loss.item(), model.gradients(), evaluated)
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory, start):
    folder = tmp_path_factory.mktemp("gloo")
    processes = [start(worker, rank, str(folder), SIZES | LEFT) for rank in (0, 1)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def whole(loss):
    model = Towers(loss)
    value = model(all_pairs())
    value.backward()
    return value.item(), model.gradients()


@pytest.mark.parametrize("chunk", CHUNKS, ids=CHUNKS.get)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("case", SIZES)
def test_the_mean_over_workers_is_the_loss_and_gradient_of_all_pairs(two_workers, case, loss, chunk):
    value, gradients = whole(loss)
    local = [found[case, loss, chunk][0] for found in two_workers]
    assert sum(local) / 2 == pytest.approx(value)
    for found in two_workers:  # both have the mean of the gradients, as distributed training makes it
        for one, all_ in zip(found[case, loss, chunk][1], gradients, strict=True):
            torch.testing.assert_close(one, all_)


@pytest.mark.parametrize("chunk", CHUNKS, ids=CHUNKS.get)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("case", LEFT)
def test_a_worker_without_a_batch_joins_in_and_counts_for_nothing(two_workers, case, loss, chunk):
    value, gradients = whole(loss)
    local = [found[case, loss, chunk][0] for found in two_workers]
    assert sorted(local) == [0, pytest.approx(value)]
    for found in two_workers:
        for one, all_ in zip(found[case, loss, chunk][1], gradients, strict=True):
            # The mean over 2 workers; fairseq divides the sum by the one that had a batch.
            torch.testing.assert_close(one * 2, all_)


@pytest.mark.parametrize("loss", LOSSES)
def test_validation_looks_at_no_other_worker(two_workers, loss):
    model = Towers(loss).eval()
    for rank, inputs in enumerate(all_pairs().split(SIZES["uneven"])):
        assert two_workers[rank]["uneven", loss, None][2] == pytest.approx(model(inputs).item())


def test_one_process_alone_gathers_nothing():
    inputs = all_pairs()
    assert Towers("MMContraLoss", gather=True)(inputs) == Towers("MMContraLoss")(inputs)
