import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as losses from "../src/losses/index.ts";
import type { Module } from "../src/module/module.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { tensor } from "../src/tensor/create.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, restoreOptions, type Stored } from "./parity.ts";

interface Case {
  name: string;
  loss: { kind: string; string?: string; options: Record<string, unknown>; before?: string };
  output: Stored;
  outputGradient: Stored;
}

beforeAll(() => setEngine(referenceEngine()));

describe("losses and their gradients are PyTorch's", () => {
  for (const c of casesOf<Case & { inputs: Stored[]; gradients: { input0: Stored; input2?: Stored } }>("torch/losses"))
    test(c.name, () => {
      const loss = new (losses as unknown as Record<string, new (options: object) => Module>)[c.loss.kind]!(restoreOptions(c.loss.options));
      const [input, ...others] = c.inputs.map((stored, i) => restore(stored, i === 0 || (i === 2 && c.gradients.input2 !== undefined)));
      const output: Tensor = loss.forward(c.loss.before === "logSoftmax" ? input!.logSoftmax(-1) : input, ...others);
      output.mul(restore(c.outputGradient)).sum().backward();
      expectClose(output, c.output, "output");
      expectClose(input!.grad!, c.gradients.input0, "gradient");
      if (c.gradients.input2) expectClose(others[1]!.grad!, c.gradients.input2, "gradient of the third");
    });
});

describe("losses made of PyTorch's parts, and their gradients, are what PyTorch makes of them", () => {
  for (const c of casesOf<Case & { inputs: Stored[]; gradients: { input0: Stored; input1?: Stored } }>("torch/contrast"))
    test(c.name, () => {
      const f = (losses.functional as unknown as Record<string, (...args: unknown[]) => Tensor>)[c.loss.kind]!;
      const inputs = c.inputs.map((stored, i) => restore(stored, i === 0 || c.gradients.input1 !== undefined));
      const output = f(...inputs, c.loss.options);
      output.mul(restore(c.outputGradient)).sum().backward();
      expectClose(output, c.output, "output");
      expectClose(inputs[0]!.grad!, c.gradients.input0, "gradient", 2e-5);
      if (c.gradients.input1) expectClose(inputs[1]!.grad!, c.gradients.input1, "gradient of the second", 2e-5);
    });
});

describe("losses of (yTrue, yPred) and their gradients are Keras'", () => {
  for (const c of casesOf<Case & { target: Stored; prediction: Stored; sampleWeight?: Stored; gradients: { prediction: Stored } }>("keras/losses"))
    test(c.name, () => {
      const { reduction, ...options } = c.loss.options;
      const loss = losses.get(c.loss.string!)(options);
      expect(losses.get(c.loss.kind).lossName).toBe(loss.lossName);
      const prediction = restore(c.prediction, true);
      const kept = loss({ reduction: reduction as losses.LossReduction });
      const weight = c.sampleWeight && restore(c.sampleWeight);
      const output = reduction === null ? kept(restore(c.target), prediction) : losses.costOf(kept, restore(c.target), prediction, weight);
      output.mul(restore(c.outputGradient)).sum().backward();
      expectClose(output, c.output, "output");
      expectClose(prediction.grad!, c.gradients.prediction, "gradient");
    });
});

test("a softmax before the crossentropy is folded back to scores", () => {
  const scores = tensor([[1000, 0, -1000]], { requiresGrad: true });
  const loss = losses.sparseCategoricalCrossentropy(tensor([2]), scores.softmax());
  loss.sum().backward();
  expect(loss.dataSync()[0]).toBe(2000);
  expect([...scores.grad!.dataSync()]).toEqual([1, 0, -1]);
});
