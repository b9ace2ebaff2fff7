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
  loss: { kind: string; string?: string; options: Record<string, unknown> };
  output: Stored;
  outputGradient: Stored;
}

beforeAll(() => setEngine(referenceEngine()));

/** What PyTorch has and cambium has not yet. */
const missing = new Set([
  "PoissonNLLLoss",
  "SoftMarginLoss",
  "HingeEmbeddingLoss",
  "MultiMarginLoss",
  "MarginRankingLoss",
  "CosineEmbeddingLoss",
  "TripletMarginLoss",
]);

describe("losses and their gradients are PyTorch's", () => {
  for (const c of casesOf<Case & { inputs: Stored[]; gradients: { input0: Stored } }>("torch/losses"))
    test.skipIf(missing.has(c.loss.kind))(c.name, () => {
      const loss = new (losses as unknown as Record<string, new (options: object) => Module>)[c.loss.kind]!(restoreOptions(c.loss.options));
      const [input, ...others] = c.inputs.map((stored, i) => restore(stored, i === 0));
      const output: Tensor = loss.forward(input, ...others);
      output.mul(restore(c.outputGradient)).sum().backward();
      expectClose(output, c.output, "output");
      expectClose(input!.grad!, c.gradients.input0, "gradient");
    });
});

describe("losses of (yTrue, yPred) and their gradients are Keras'", () => {
  for (const c of casesOf<Case & { target: Stored; prediction: Stored; sampleWeight?: Stored; gradients: { prediction: Stored } }>("keras/losses"))
    test.skipIf("ignoreClass" in c.loss.options)(c.name, () => {
      const { reduction, ...options } = c.loss.options;
      const loss = losses.get(c.loss.string!)(options);
      expect(losses.get(c.loss.kind).lossName).toBe(loss.lossName);
      const prediction = restore(c.prediction, true);
      let output: Tensor = loss(restore(c.target), prediction);
      if (c.sampleWeight) output = output.mul(restore(c.sampleWeight));
      if (reduction !== null) output = reduction === "sum" ? output.sum() : output.mean();
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
