/** PyTorch's `nn.functional` and `nn.utils`, hooks, and modules moved to another dtype. */
import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import * as optim from "../src/optim/index.ts";
import { compile } from "../src/tensor/compile.ts";
import { ones, tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { normal, seed } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

const F = nn.functional;

beforeAll(() => setEngine(referenceEngine()));

const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);

describe("a function is its module with the weights given", () => {
  const x = (): Tensor => normal([2, 4, 6, 6]);
  const conv = new nn.Conv2d(4, 6, 3, { padding: 1, stride: 2, groups: 2 });
  const line = new nn.Linear(6, 3);
  const norm = new nn.LayerNorm([6, 6]);
  const group = new nn.GroupNorm(2, 4);
  const table = new nn.Embedding(5, 3);
  const index = tensor([1, 4], { dtype: "int32" });
  test.each<[string, (x: Tensor) => Tensor, (x: Tensor) => Tensor]>([
    ["relu", (x) => F.relu(x), (x) => x.relu()],
    ["leakyRelu with a slope", (x) => F.leakyRelu(x, 0.3), (x) => new nn.LeakyReLU(0.3).forward(x)],
    ["gelu by tanh", (x) => F.gelu(x, { approximate: "tanh" }), (x) => x.geluTanh()],
    ["softmax", (x) => F.softmax(x, 1), (x) => x.softmax(1)],
    ["maxPool2d", (x) => F.maxPool2d(x, 2, { stride: 1 }), (x) => new nn.MaxPool2d(2, { stride: 1 }).forward(x)],
    ["adaptiveAvgPool2d", (x) => F.adaptiveAvgPool2d(x, 4), (x) => new nn.AdaptiveAvgPool2d(4).forward(x)],
    ["pixelShuffle", (x) => F.pixelShuffle(x, 2), (x) => new nn.PixelShuffle(2).forward(x)],
    ["unfold", (x) => F.unfold(x, 3), (x) => new nn.Unfold(3).forward(x)],
    ["conv2d", (x) => F.conv2d(x, conv.weight, conv.bias, { padding: 1, stride: 2, groups: 2 }), (x) => conv.forward(x)],
    ["linear", (x) => F.linear(x, line.weight, line.bias), (x) => line.forward(x)],
    ["layerNorm", (x) => F.layerNorm(x, [6, 6], { weight: norm.weight!, bias: norm.bias! }), (x) => norm.forward(x)],
    ["groupNorm", (x) => F.groupNorm(x, 2, { weight: group.weight!, bias: group.bias! }), (x) => group.forward(x)],
    ["pad", (x) => F.pad(x, [1, 2, 3, 0], { mode: "reflect" }), (x) => new nn.ReflectionPad2d([1, 2, 3, 0]).forward(x)],
    ["embedding", () => F.embedding(index, table.weight), () => table.forward(index)],
    ["dropout in evaluation", (x) => F.dropout(x, { training: false }), (x) => x],
    ["mseLoss", (x) => F.mseLoss(x, x.mul(2)), (x) => new nn.MSELoss().forward(x, x.mul(2))],
  ])("%s", (_, f, g) => {
    seed(7);
    const given = x();
    expect(numbers(f(given))).toEqual(numbers(g(given)));
  });

  test("normalize makes vectors of length 1", () => expect(numbers(F.normalize(tensor([[3, 4], [0, 0]])))).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 0]));
});

interface Case {
  name: string;
  module: { kind: string; args: unknown[]; options: object };
  kind: "weightNorm" | "spectralNorm";
  options: object;
  state: Record<string, Stored>;
  input: Stored;
  outputs: Stored[];
  outputGradient: Stored;
  gradients: Record<string, Stored>;
  stateAfter: Record<string, Stored>;
}

describe("parametrised weights are PyTorch's: paths, outputs, gradients, state", () => {
  for (const c of casesOf<Case>("torch/parametrizations"))
    test(c.name, () => {
      const { kind, args, options } = c.module;
      const made = new (nn as unknown as Record<string, new (...args: unknown[]) => Module>)[kind]!(...args, ...(Object.keys(options).length > 0 ? [options] : []));
      const module = nn.utils[c.kind](made, "weight", c.options);
      expect(Object.keys(module.stateDict())).toEqual(Object.keys(c.state));
      module.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([path, stored]) => [path, restore(stored)])));
      const x = restore(c.input);
      expectClose(module.forward(x), c.outputs[0]!, "first output");
      const output: Tensor = module.forward(x);
      output.mul(restore(c.outputGradient)).sum().backward();
      expectClose(output, c.outputs[1]!, "second output", 1e-4);
      const named = new Map(module.namedParameters());
      for (const [path, stored] of Object.entries(c.gradients)) expectClose(named.get(path)!.grad!, stored, `gradient of ${path}`, 1e-4);
      for (const [path, stored] of Object.entries(c.stateAfter)) expectClose(module.stateDict()[path]!, stored, `${path} afterwards`, 1e-4);
    });

  test("they start as what they were, and can be taken off", () => {
    const line = new nn.Linear(3, 2);
    const before = numbers(line.weight);
    nn.utils.weightNorm(line);
    numbers(line.weight).forEach((w, i) => expect(w).toBeCloseTo(before[i]!, 6));
    nn.utils.removeParametrizations(line);
    expect([...line.namedParameters()].map(([path]) => path).sort()).toEqual(["bias", "weight"]);
    expect(line.weight.requiresGrad).toBe(true);
  });

  test("they learn inside a compiled step", () => {
    seed(1);
    const line = nn.utils.spectralNorm(new nn.Linear(3, 2));
    const sgd = new optim.SGD(line.parameters(), { lr: 0.1 });
    const step = compile((x: Tensor) => {
      const loss = line.forward(x).square().mean();
      sgd.zeroGrad();
      loss.backward();
      sgd.step();
      return loss;
    });
    const losses = Array.from({ length: 20 }, () => step(ones([4, 3])).item());
    expect(losses[19]).toBeLessThan(losses[0]!);
  });
});

test("parameters go into one row and back", () => {
  const model = new nn.Sequential(new nn.Linear(3, 2), new nn.Linear(2, 1));
  const row = nn.utils.parametersToVector(model.parameters());
  expect(row.shape).toEqual([11]);
  nn.utils.vectorToParameters(row.mul(2), model.parameters());
  expect(numbers(nn.utils.parametersToVector(model.parameters()))).toEqual(numbers(row.mul(2)));
});

describe("hooks", () => {
  test("see what goes in and out, may change it, and can be taken off", () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU());
    const seen: string[] = [];
    const first = model.at(0);
    const off = first.registerForwardPreHook((module, [x]) => {
      seen.push(module.constructor.name);
      return [(x as Tensor).mul(0)];
    });
    const offAfter = model.registerForwardHook((_, __, y) => (y as Tensor).add(1));
    const bias = numbers(model.getParameter("0.bias"));
    expect(numbers(model.forward(ones([1, 2])))).toEqual(bias.map((b) => Math.fround(Math.max(b, 0) + 1)));
    off();
    offAfter();
    model.forward(ones([1, 2]));
    expect(seen).toEqual(["Linear"]);
    expect(model.toString()).toContain("Linear");
    expect(Object.keys(model.stateDict())).toEqual(["0.weight", "0.bias"]);
  });
});

describe("a module in another dtype", () => {
  test("calculates in it, also after learning", () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2)).double();
    expect(model.parameters().every(({ dtype }) => dtype === "float64")).toBe(true);
    expect(model.stateDict()["1.num_batches_tracked"]!.dtype).toBe("int32");
    const sgd = new optim.SGD(model.parameters(), { lr: 0.1 });
    const loss = model.forward(normal([4, 2], 0, 1, "float64")).square().mean();
    expect(loss.dtype).toBe("float64");
    loss.backward();
    sgd.step();
    expect(model.float().parameters().every(({ dtype, requiresGrad }) => dtype === "float32" && requiresGrad)).toBe(true);
  });
});

test("parts and parameters are found by path", () => {
  const model = new nn.Sequential({ body: new nn.Sequential(new nn.Linear(2, 3)), head: new nn.Linear(3, 1) });
  expect(model.getSubmodule("body.0")).toBeInstanceOf(nn.Linear);
  expect(model.getSubmodule("")).toBe(model);
  expect(model.getParameter("body.0.weight").shape).toEqual([3, 2]);
});

test("lists and dictionaries of parameters count as their owner's", () => {
  class Mixture extends nn.Module {
    scales = new nn.ParameterList([ones([2]), zeros([3])]);
    named = new nn.ParameterDict({ left: ones([1]) });
    forward(x: Tensor): Tensor {
      return x.mul(this.scales.at(0)).add(this.named.get("left"));
    }
  }
  const model = new Mixture();
  model.scales.append(ones([4]));
  expect(Object.keys(model.stateDict())).toEqual(["scales.0", "scales.1", "scales.2", "named.left"]);
  expect(model.scales.length).toBe(3);
  expect([...model.scales].every(({ requiresGrad }) => requiresGrad)).toBe(true);
  expect(model.parameters()).toHaveLength(4);
});

describe("mistakes", () => {
  test.each<[string, () => unknown, string]>([
    ["a path of no part", () => new nn.Sequential(new nn.ReLU()).getSubmodule("1"), 'there is no part "1"'],
    ["a path of no parameter", () => new nn.Linear(1, 1).getParameter("wieght"), 'there is no parameter "wieght"\n  hint: did you mean "weight"?'],
    ["a weight that is not there", () => nn.utils.weightNorm(new nn.ReLU()), 'weightNorm: ReLU has no tensor "weight"'],
    ["a weight parametrised twice", () => nn.utils.weightNorm(nn.utils.weightNorm(new nn.Linear(1, 1))), '"weight" is parametrised already'],
    ["nothing to take off", () => nn.utils.removeParametrizations(new nn.Linear(1, 1)), 'Linear has no parametrised "weight"'],
    ["the spectrum of a vector", () => nn.utils.spectralNorm(new nn.Linear(1, 1), "bias"), '"bias" is a vector, which has no singular values'],
    ["a row of another length", () => nn.utils.vectorToParameters(zeros([2]), new nn.Linear(3, 1).parameters()), "the parameters hold 4 numbers, the vector is [2]"],
    ["whole numbers as a module's dtype", () => new nn.Linear(1, 1).to("int32"), "int32 holds no fractions"],
    ["sizes that do not pair up", () => F.pad(zeros([2]), [1]), "sizes are [1]; they are two whole numbers for each of the last axes of a tensor of 1"],
    ["a convolution without channels", () => F.conv2d(zeros([2, 3]), zeros([1, 1, 1, 1])), "conv2d: x and weight have 4 axes"],
    ["a chance above 1", () => F.dropout(zeros([2]), { p: 2 }), "p is a chance from 0 to 1, got 2"],
    ["no tensor in a list", () => new nn.ParameterList([3 as never]), "ParameterList: 0 is number, not a tensor"],
    ["a parameter that is not there", () => new nn.ParameterList().at(0), 'there is no parameter "0"'],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
