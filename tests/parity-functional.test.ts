/** PyTorch's `nn.functional` with weights given by hand, and modules that give several results, against stored values: outputs and gradients. */
import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  function: string;
  args: unknown[];
  options: Record<string, unknown>;
  outputs: Stored[];
  outputGradients: (Stored | null)[];
  gradients: (Stored | null)[];
  after?: Stored[];
}

interface ModuleCase {
  name: string;
  module: { kind: string; args: unknown[]; options: object };
  state: Record<string, Stored>;
  inputs: Stored[];
  outputs: Stored[];
  gradients: Record<string, Stored>;
  logProb?: Stored;
  predict?: Stored;
}

type Call = (...args: unknown[]) => Tensor | readonly (Tensor | undefined)[];
type Made = new (...args: unknown[]) => Module;

beforeAll(() => setEngine(referenceEngine()));

const rooms = nn as unknown as Record<string, Made>;
const isStored = (value: unknown): value is Stored => typeof value === "object" && value !== null && "data" in value;
const all = casesOf<Case | ModuleCase>("torch/functional");

describe("a function gives PyTorch's numbers and gradients:", () => {
  for (const c of all.filter((c): c is Case => "function" in c))
    test(c.name, () => {
      const tensors: Tensor[] = [];
      const made = (value: unknown, named = ""): unknown => {
        if (!isStored(value)) return value;
        const wanted = value.dtype === "float32" && named !== "randomSamples" && !(/statistics|evaluation|running/.test(c.name) && tensors.length > 0 && tensors.length < 3 && named === "");
        const x = restore(value, wanted);
        if (named !== "randomSamples") tensors.push(x);
        return x;
      };
      const args = c.args.map((value) => made(value ?? undefined));
      const options = Object.fromEntries(Object.entries(c.options).map(([name, value]) => [name, made(value, name)]));
      const rest = Object.keys(options).length > 0 ? [options] : [];
      const F = nn.functional as unknown as Record<string, Call>;
      const result = F[c.function] ? F[c.function]!(...args, ...rest) : (new rooms[c.function]!(...args.slice(1), ...rest).forward(args[0]) as Tensor);
      const outputs = (result instanceof Tensor ? [result] : result).filter((y): y is Tensor => y !== undefined);
      expect(outputs.length).toBe(c.outputs.length);
      const flows = outputs.flatMap((y, i) => (c.outputGradients[i] && y.requiresGrad ? [y.mul(restore(c.outputGradients[i]!)).sum()] : []));
      if (flows.length > 0) flows.reduce((a, b) => a.add(b)).backward();
      outputs.forEach((y, i) => expectClose(y.to(c.outputGradients[i] ? y.dtype : "int32"), c.outputs[i]!, `output ${i}`, 5e-5));
      c.gradients.forEach((stored, i) => {
        if (stored) expectClose(tensors[i]!.grad!, stored, `gradient ${i}`, 1e-4);
      });
      c.after?.forEach((stored, i) => expectClose(tensors[i]!, stored, `tensor ${i} afterwards`));
    });
});

describe("a module of several results gives PyTorch's numbers and gradients:", () => {
  for (const c of all.filter((c): c is ModuleCase => "module" in c))
    test(c.name, () => {
      const { kind, args, options } = c.module;
      const module = new rooms[kind]!(...args, options);
      expect(Object.keys(module.stateDict())).toEqual(Object.keys(c.state));
      module.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([path, stored]) => [path, restore(stored)])));
      const inputs = c.inputs.map((stored) => restore(stored, stored.dtype === "float32"));
      const result = module.forward(...inputs) as Tensor | Record<string, Tensor>;
      const outputs = result instanceof Tensor ? [result] : Object.values(result);
      outputs.at(-1)!.backward();
      outputs.forEach((y, i) => expectClose(y, c.outputs[i]!, `output ${i}`));
      const named = new Map(module.namedParameters());
      for (const [path, stored] of Object.entries(c.gradients)) expectClose((path === "input0" ? inputs[0]! : named.get(path)!).grad!, stored, `gradient of ${path}`, 1e-4);
      const { logProb, predict } = module as unknown as Record<"logProb" | "predict", (x: Tensor) => Tensor>;
      if (c.logProb) expectClose(logProb.call(module, inputs[0]!), c.logProb, "logProb");
      if (c.predict) expectClose(predict.call(module, inputs[0]!), c.predict, "predict");
    });
});

describe("mistakes are named:", () => {
  const x = (): Tensor => restore({ shape: [1, 2, 4, 4], dtype: "float32", data: new Array(32).fill(1) });
  const F = nn.functional;
  test.each<[string, () => unknown, string]>([
    ["batchNorm", () => F.batchNorm(x()), "without training there must be running statistics"],
    ["instanceNorm", () => F.instanceNorm(x(), undefined, undefined, { useInputStats: false }), "without the input's own there must be running statistics"],
    ["convTranspose2d", () => F.convTranspose2d(x(), x()), "x is [batch, in, ...] and weight is [in, out / groups, ...], 4 axes each; got [1, 2, 4, 4] and [1, 2, 4, 4]"],
    ["gumbelSoftmax", () => F.gumbelSoftmax(x(), { tau: 0 }), "tau is 0; it is a number above 0"],
    ["gridSample", () => F.gridSample(x(), x(), { mode: "cubic" as "bicubic" }), 'there is no mode "cubic"'],
    ["affineGrid", () => F.affineGrid(x(), [1, 2, 3]), "size is [1, 2, 3]; it is [batch, channels, height, width]"],
    ["FractionalMaxPool2d", () => new nn.FractionalMaxPool2d(2), "neither outputSize nor outputRatio given; give one of them"],
    ["FractionalMaxPool2d", () => new nn.FractionalMaxPool2d(2, { outputRatio: 1.5 }), "outputRatio is 1.5; it is a number above 0 and below 1, or 2 of them"],
    ["FractionalMaxPool2d(2×2)", () => new nn.FractionalMaxPool2d(2, { outputSize: 4 }).forward(x()), "4 windows of 2 do not fit on 4 places"],
    ["AdaptiveLogSoftmaxWithLoss", () => new nn.AdaptiveLogSoftmaxWithLoss(8, 10, [4, 3]), "cutoffs are [4, 3]; they are whole numbers that rise, from 1 to 9"],
    ["AdaptiveLogSoftmaxWithLoss", () => new nn.AdaptiveLogSoftmaxWithLoss(4, 10, [2, 5]), "cluster 1 has no inner feature left of 4"],
    ["AdaptiveLogSoftmaxWithLoss(2, 4)", () => new nn.AdaptiveLogSoftmaxWithLoss(2, 4, [2], { divValue: 1 }).forward(x().reshape([16, 2]), restore({ shape: [16], dtype: "int64", data: new Array(16).fill(4) })), "label 4 is none of the 4 classes"],
    ["multiHeadAttentionForward", () => F.multiHeadAttentionForward(x(), x(), x(), 2, { outProjWeight: x() }), "the weights of the projections are missing"],
    ["linearCrossEntropy", () => F.linearCrossEntropy(x(), x(), x()), "they are [batch, features] and [classes, features]"],
    ["pdist", () => F.pdist(x()), "it holds a vector a row: [n, size]"],
  ])("%s", (where, f, message) => {
    expect(f).toThrow(`${where}: `);
    expect(f).toThrow(message);
  });
});
