"""Cases of torch.func: per-example gradients, nested vmap, Jacobians, Hessians and products with them; norms of gradients."""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from record import tensor
from torch_module import seed_of


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def cnn() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2, groups=2), nn.GELU(), nn.Flatten(), nn.Linear(16, 3))


MODELS = {"mlp": mlp, "cnn": cnn}


def stored(value):
    if isinstance(value, torch.Tensor):
        return tensor(value.detach().numpy())
    if isinstance(value, dict):
        return {key: stored(item) for key, item in value.items()}
    return [stored(item) for item in value]


def cases() -> list[dict]:
    found = []

    def case(name: str, kind: str, inputs: list, result, **more) -> None:
        found.append({"name": name, "kind": kind, "inputs": stored(inputs), "result": stored(result), **more})

    def start(name: str, model: str):
        torch.manual_seed(seed_of(name))
        module = MODELS[model]()
        return module, {path: value.detach() for path, value in module.named_parameters()}

    # Per-example gradients: one example at a time is a batch of one.
    for model, shape, classes in (("mlp", (5, 3), 2), ("cnn", (4, 2, 6, 6), 3)):
        name = f"per-example gradients of the {model}"
        module, parameters = start(name, model)
        x = torch.randn(shape)
        y = torch.randint(0, classes, (shape[0],))

        def loss(p, one, label, module=module):
            return nn.functional.cross_entropy(functional_call(module, p, (one[None],)), label[None])

        case(name, "perExample", [x, y.int()], vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y), model=model, state=stored(parameters))

    name = "an ensemble of mlps"
    modules = [start(f"{name} {i}", "mlp")[1] for i in range(3)]
    stacked = {path: torch.stack([p[path] for p in modules]) for path in modules[0]}
    module, _ = start(name, "mlp")
    x = torch.randn(5, 3)
    every = vmap(vmap(lambda p, one: functional_call(module, p, (one,)), in_dims=(None, 0)), in_dims=(0, None))
    case(name, "ensemble", [x], every(stacked, x), model="mlp", state=stored(stacked))

    # Nested vmap with axes in different places.
    torch.manual_seed(seed_of("nested"))
    a, b = torch.randn(3, 4, 2), torch.randn(2, 5, 4)
    inner = vmap(lambda u, v: torch.softmax(u, 0) @ v, in_dims=(0, None))
    case("nested vmap, axes in different places", "nested", [a, b], vmap(inner, in_dims=(1, 2), out_dims=2)(a, b))
    images, kernels = torch.randn(3, 2, 5, 5), torch.randn(3, 4, 2, 3, 3)
    convolved = vmap(lambda image, kernel: nn.functional.conv2d(image[None], kernel, stride=2, padding=1)[0])
    case("each image with a kernel of its own", "ownKernels", [images, kernels], convolved(images, kernels))

    # Jacobians and Hessians of a network, by inputs and by parameters.
    name = "derivatives of the mlp"
    module, parameters = start(name, "mlp")
    x = torch.randn(3)

    def f(p, one):
        return functional_call(module, p, (one,))

    state = {"model": "mlp", "state": stored(parameters)}
    case("jacrev of the mlp by parameters", "jacrev", [x], jacrev(f)(parameters, x), **state)
    case("jacfwd of the mlp by its input", "jacfwd", [x], jacfwd(f, argnums=1)(parameters, x), **state)
    case("hessian of the mlp by its input", "hessianInput", [x], hessian(lambda one: f(parameters, one).square().sum())(x), **state)
    case("hessian of the mlp by parameters", "hessianParameters", [x], hessian(lambda p: f(p, x).square().sum())(parameters), **state)
    t = {path: torch.randn_like(value) for path, value in parameters.items()}
    product = jvp(grad(lambda p: f(p, x).square().sum()), (parameters,), (t,))[1]
    case("product of the mlp's hessian with a direction", "hvp", [x], product, tangents=stored(t), **state)
    value, tangent = jvp(lambda p: f(p, x), (parameters,), (t,))
    case("jvp of the mlp", "jvp", [x], [value, tangent], tangents=stored(t), **state)
    dy = torch.randn(2)
    case("vjp of the mlp", "vjp", [x, dy], vjp(lambda p: f(p, x), parameters)[1](dy)[0], **state)
    batch = torch.randn(4, 3)
    case("a hessian for each example", "hessians", [batch], vmap(hessian(lambda one: f(parameters, one).square().sum()))(batch), **state)

    # Norms, by which gradients are clipped.
    torch.manual_seed(seed_of("norms"))
    gradients = [torch.randn(3, 4), torch.randn(5)]
    for norm_type in (1.0, 2.0, 3.0, float("inf")):
        parameters = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
        for p, g in zip(parameters, gradients):
            p.grad = g.clone()
        norm = nn.utils.clip_grad_norm_(parameters, 0.7, norm_type=norm_type)
        case(f"gradients clipped by their norm {norm_type}", "clip", gradients, [norm, *(p.grad for p in parameters)], normType=norm_type if norm_type != float("inf") else "Infinity")
    return found
