# SPDX-License-Identifier: Apache-2.0
"""Trains the small convolutional network in torch eager. Imported only where torch is installed."""

from __future__ import annotations

import numpy as np
import torch

from bench.workloads.digits import network_weights, torch_network
from demo.progress import with_progress
from demo.scans import Scans

_EPOCHS = 20
_BATCH = 64


def train(scans: Scans) -> tuple[torch.nn.Module, dict[str, np.ndarray]]:
    """The trained module in eval mode, and its parameters by name for the NumPy version."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    # Steps this small gain nothing from a second thread, and lose much where it has to be shared.
    torch.set_num_threads(1)
    initial = {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in network_weights(np.random.default_rng(0), {}).items()
    }
    module: torch.nn.Module = torch_network(initial)
    images = torch.from_numpy(scans.images[~scans.is_test])
    digits = torch.from_numpy(scans.digits[~scans.is_test])
    optimizer = torch.optim.Adam(module.parameters(), lr=2e-3)
    for _ in with_progress(range(_EPOCHS), "training", "epoch"):
        for batch in torch.randperm(len(images)).split(_BATCH):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(images[batch]), digits[batch])
            loss.backward()
            optimizer.step()
    torch.set_num_threads(threads)
    module.eval().requires_grad_(False)
    parameters = zip(initial, module.parameters(), strict=True)
    return module, {name: parameter.numpy() for name, parameter in parameters}
