"""The benchmark's programs, written for PyTorch as its users would: a model, a loss, an optimizer and data in rotation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import Callable

import torch
from torch import nn

BATCHES = 16  # different batches in rotation, so that each step trains on other data


@dataclass(frozen=True)
class Setting:
    """One way to run a program that a PyTorch user could choose."""

    optimizer: str = "default"  # default (what PyTorch takes by itself) | foreach | fused | compiled
    layout: str = "nchw"  # nchw | nhwc (channels last)
    mode: str = "eager"  # eager | compile | compile-cpp (inductor with its C++ wrapper)

    @property
    def name(self) -> str:
        return f"{self.mode}/{self.optimizer}/{self.layout}"

    @staticmethod
    def parse(name: str) -> "Setting":
        mode, optimizer, layout = name.split("/")
        return Setting(optimizer, layout, mode)


@dataclass(frozen=True)
class Program:
    """One benchmark: `batch` and `classes` are 0 for the linear regression, which has one fixed sample."""

    model: Callable[[], nn.Module]
    shape: tuple[int, ...]
    batch: int
    convolution: bool = False
    letters: int = 0  # of a language model: inputs and targets are numbers of letters

    def settings(self) -> list[Setting]:
        eager = [Setting(optimizer, layout) for layout in self.layouts() for optimizer in ("default", "foreach", "fused")]
        compiled = [
            Setting(optimizer, layout, mode)
            for layout in self.layouts()
            for mode, optimizer in (("compile", "fused"), ("compile", "compiled"), ("compile-cpp", "fused"))
        ]
        return eager + compiled

    def layouts(self) -> tuple[str, ...]:
        return ("nchw", "nhwc") if self.convolution else ("nchw",)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1600, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


class GPT(nn.Module):
    """A decoder of GPT-2's kind, as nanoGPT has it: layers that normalise first, exact GELU, PyTorch's fused attention."""

    def __init__(self, vocabulary: int, context: int, layers: int, heads: int, features: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, features)
        self.positions = nn.Embedding(context, features)
        self.blocks = nn.ModuleList(Block(heads, features) for _ in range(layers))
        self.norm = nn.LayerNorm(features)
        self.head = nn.Linear(features, vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)).flatten(0, 1)


class Block(nn.Module):
    def __init__(self, heads: int, features: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(features)
        self.project = nn.Linear(features, 3 * features)
        self.join = nn.Linear(features, features)
        self.norm2 = nn.LayerNorm(features)
        self.widen = nn.Linear(features, 4 * features)
        self.narrow = nn.Linear(4 * features, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, features = x.shape
        q, k, v = (y.view(batch, length, self.heads, -1).transpose(1, 2) for y in self.project(self.norm1(x)).split(features, dim=2))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.join(mixed.transpose(1, 2).reshape(batch, length, features))
        return x + self.narrow(nn.functional.gelu(self.widen(self.norm2(x))))


class LSTM(nn.Module):
    """Pixels line by line, and what the last state says."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 128, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class CharLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(65, 256)
        self.lstm = nn.LSTM(256, 256, num_layers=2, batch_first=True)
        self.head = nn.Linear(256, 65)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.letters(tokens))[0]).flatten(0, 1)


PROGRAMS: dict[str, Program] = {
    "mlp-32": Program(mlp, (784,), 32),
    "mlp-128": Program(mlp, (784,), 128),
    "cnn-32": Program(cnn, (1, 28, 28), 32, convolution=True),
    "cnn-128": Program(cnn, (1, 28, 28), 128, convolution=True),
    "lstm": Program(LSTM, (28, 28), 128),
    "char-lstm": Program(CharLSTM, (64,), 32, letters=65),
    "gpt": Program(lambda: GPT(65, 128, 4, 4, 128), (128,), 16, letters=65),
    "linreg": Program(lambda: nn.Linear(1, 1), (1,), 0),
}


def optimizer_of(model: nn.Module, setting: Setting, regression: bool) -> torch.optim.Optimizer:
    choice = {"foreach": {"foreach": True}, "fused": {"fused": True}}.get(setting.optimizer, {})
    if regression:
        return torch.optim.SGD(model.parameters(), lr=0.01, **choice)
    kind = torch.optim.AdamW if isinstance(model, GPT) else torch.optim.Adam
    return kind(model.parameters(), lr=1e-3, **choice)


def batches_of(program: Program, layout: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    if program.batch == 0:
        return [(torch.ones(1), torch.zeros(1))]
    generator = torch.Generator().manual_seed(1)
    batches = []
    for _ in range(BATCHES):
        if program.letters:
            letters = torch.randint(0, program.letters, (program.batch, program.shape[0] + 1), generator=generator)
            batches.append((letters[:, :-1].contiguous(), letters[:, 1:].flatten()))
            continue
        x = torch.rand((program.batch, *program.shape), generator=generator)
        y = torch.randint(0, 10, (program.batch,), generator=generator)
        batches.append((x.contiguous(memory_format=torch.channels_last) if layout == "nhwc" else x, y))
    return batches


def training_step(name: str, setting: Setting) -> Callable[[], None]:
    """Builds a program under a setting; each call of the result is one training step on the next batch."""
    torch.manual_seed(0)
    program = PROGRAMS[name]
    model = program.model().train()
    if setting.layout == "nhwc":
        model = model.to(memory_format=torch.channels_last)
    criterion = nn.MSELoss() if program.batch == 0 else nn.CrossEntropyLoss()
    optimizer = optimizer_of(model, setting, program.batch == 0)

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return criterion(model(x), y)

    update = optimizer.step
    if setting.mode != "eager":
        options = {"cpp_wrapper": True} if setting.mode == "compile-cpp" else None
        loss_of = torch.compile(loss_of, options=options)
    if setting.optimizer == "compiled":
        update = torch.compile(optimizer.step)
    rotation = cycle(batches_of(program, setting.layout))

    def step() -> None:
        x, y = next(rotation)
        loss = loss_of(x, y)
        loss.backward()
        update()
        optimizer.zero_grad(set_to_none=True)

    return step
