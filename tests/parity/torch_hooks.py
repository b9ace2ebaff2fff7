"""Cases of hooks: gradients seen and changed on their way back."""

from __future__ import annotations

import torch
from torch import nn

from record import tensor


def cases() -> list[dict]:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    x = torch.randn(1, 1, 6, 6)
    kept: dict = {}
    model[0].register_forward_hook(lambda module, inputs, output: kept.update(activation=output))
    model[0].register_full_backward_hook(lambda module, given, flows: kept.update(gradient=flows[0]))
    model(x)[0, 2].backward()
    weights = kept["gradient"].mean(dim=(2, 3), keepdim=True)
    cam = torch.relu((weights * kept["activation"]).sum(1))

    a, b = torch.randn(4, requires_grad=True), torch.randn(4, requires_grad=True)
    h = a * b
    h.retain_grad()
    h.register_hook(lambda flow: flow.clamp(-0.5, 0.5))
    (h.sin() * a).sum().backward()

    line = nn.Linear(3, 2)
    seen = {}
    line.register_full_backward_hook(lambda module, given, flows: (seen.update(given=given[0], flow=flows[0]), (given[0] * 2,))[1])
    y = torch.randn(5, 3, requires_grad=True)
    (line(y * 3) ** 2).sum().backward()
    state = lambda module: {path: tensor(value.detach().numpy()) for path, value in module.state_dict().items()}
    return [
        {"name": "Grad-CAM", "state": state(model), "input": tensor(x.numpy()), "gradient": tensor(kept["gradient"].numpy()), "cam": tensor(cam.detach().numpy())},
        {"name": "a gradient clipped on its way", "a": tensor(a.detach().numpy()), "b": tensor(b.detach().numpy()), "gradients": [tensor(t.grad.numpy()) for t in (a, b, h)]},
        {"name": "a module's input gradient doubled", "state": state(line), "input": tensor(y.detach().numpy()), "gradInput": tensor(seen["given"].numpy()), "gradOutput": tensor(seen["flow"].numpy()), "gradients": [tensor(t.grad.numpy()) for t in (y, line.weight)]},
    ]
