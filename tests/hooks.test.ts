/** Hooks on gradients: what PyTorch's see and change, ours see and change. */
import { beforeAll, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import * as optim from "../src/optim/index.ts";
import { compile } from "../src/tensor/compile.ts";
import { tensor } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

beforeAll(() => setEngine(referenceEngine()));

const cases = casesOf<{ name: string; state: Record<string, Stored>; gradients: Stored[] } & Record<string, Stored>>("torch/hooks");
const caseOf = (name: string) => cases.find((c) => c.name === name)!;
const load = (module: Module, state: Record<string, Stored>) => module.loadStateDict(Object.fromEntries(Object.entries(state).map(([path, x]) => [path, restore(x)])));

test("Grad-CAM with a forward and a backward hook is PyTorch's", () => {
  const c = caseOf("Grad-CAM");
  const conv = new nn.Conv2d(1, 3, 3);
  const model = new nn.Sequential(conv, new nn.ReLU(), new nn.AdaptiveAvgPool2d(1), new nn.Flatten(), new nn.Linear(3, 4));
  load(model, c.state);
  let activation: Tensor | undefined;
  let gradient: Tensor | undefined;
  const off = [
    conv.registerForwardHook((_, __, output: Tensor) => void (activation = output)),
    conv.registerFullBackwardHook((_, __, [flow]) => void (gradient = flow)),
  ];
  model.forward(restore(c.input!)).slice([0, 2], [1, 3]).sum().backward();
  expectClose(gradient!, c.gradient!, "gradient");
  expectClose(gradient!.mean([2, 3], { keep: true }).mul(activation!).sum(1).relu(), c.cam!, "map");
  off.forEach((take) => take());
  gradient = undefined;
  model.forward(restore(c.input!)).sum().backward();
  expect(gradient).toBeUndefined();
});

test("a hook on a tensor changes what flows on, and retainGrad leaves a gradient there", () => {
  const c = caseOf("a gradient clipped on its way");
  const [a, b] = [restore(c.a!, true), restore(c.b!, true)];
  const h = a.mul(b);
  h.retainGrad();
  h.registerHook((flow) => flow.clamp(-0.5, 0.5));
  h.sin().mul(a).sum().backward();
  expectClose(a.grad!, c.gradients[0]!, "a");
  expectClose(b.grad!, c.gradients[1]!, "b");
  expectClose(h.grad!, c.gradients[2]!, "h");
});

test("a module's hook sees both sides and may replace the gradient of its input", () => {
  const c = caseOf("a module's input gradient doubled");
  const line = new nn.Linear(3, 2);
  load(line, c.state);
  const y = restore(c.input!, true);
  let seen: Tensor[] = [];
  line.registerFullBackwardHook((_, [given], [flow]) => {
    seen = [given!, flow!];
    return [given!.mul(2)];
  });
  line.forward(y.mul(3)).square().sum().backward();
  expectClose(seen[0]!, c.gradInput!, "input");
  expectClose(seen[1]!, c.gradOutput!, "output");
  expectClose(y.grad!, c.gradients[0]!, "y");
  expectClose(line.weight.grad!, c.gradients[1]!, "weight");
});

test("a hook on a parameter works in loops, and in compiled steps", () => {
  const trained = (step: (f: () => Tensor) => () => Tensor): number => {
    const w = tensor([1, 2], { requiresGrad: true });
    w.registerHook((flow) => flow.mul(0.5));
    const sgd = new optim.SGD([w], { lr: 0.1 });
    const go = step(() => {
      const loss = w.square().sum();
      sgd.zeroGrad();
      loss.backward();
      sgd.step();
      return loss;
    });
    for (let i = 0; i < 3; i++) go();
    return w.sum().item();
  };
  expect(trained((f) => f)).toBeCloseTo(3 * 0.9 ** 3, 5);
  expect(trained((f) => compile(f))).toBeCloseTo(3 * 0.9 ** 3, 5);
});

test("mistakes are named", () => {
  expect(() => tensor([1]).registerHook(() => undefined)).toThrow("registerHook: no gradient flows to this tensor");
  const x = tensor([1, 2], { requiresGrad: true });
  x.registerHook(() => tensor([1]));
  expect(() => x.sum().backward()).toThrow("the hook returned a gradient of shape [1], the tensor is [2]");
  const both = new nn.Bilinear(1, 1, 1);
  both.registerFullBackwardHook((_, given) => given as Tensor[]);
  const one = () => tensor([[1]], { requiresGrad: true });
  expect(() => both.forward(one(), one()).sum().backward()).toThrow("the module has 2 inputs with gradients; only that of a single one can be replaced");
});
