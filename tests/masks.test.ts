import { describe, expect, test } from "vitest";
import { input, layers, model, optimizers, sequential, uniform } from "../src/index.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Spec {
  kind: string;
  args: unknown[];
  inner?: Spec;
}
interface Case {
  name: string;
  layer: Spec | null;
  x: Stored;
  y: Stored;
  sampleWeight?: Stored;
  start: Stored[];
  measured: number[];
  history: Record<string, number[]>;
  end: Stored[];
  predictions: Stored;
}

const makers = layers as unknown as Record<string, (...args: unknown[]) => layers.Layer>;
const build = ({ kind, args, inner }: Spec): layers.Layer => makers[kind]!(...(inner ? [build(inner)] : args));

describe("steps that an embedding masks count neither for the layers behind nor for loss and metrics, as in Keras:", () => {
  for (const c of casesOf<Case>("keras/masks"))
    test(c.name, async () => {
      const x = input({ shape: [4] });
      const h = layers.embedding(6, 3, { maskZero: true }).apply(x);
      const layer = c.layer && build(c.layer);
      const behind = layer ? layer.apply(layer.takesMany && !/lstm|bidirectional/.test(c.layer!.kind) ? [h, h] : h) : h;
      const net = model({ inputs: x, outputs: layers.dense(1).apply(behind) });
      net.setWeights(c.start.map((stored) => restore(stored)));
      net.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: "mse", metrics: ["mae"], weightedMetrics: ["mse"] });
      const sampleWeight = c.sampleWeight && restore(c.sampleWeight);
      const measured = await net.evaluate(restore(c.x), restore(c.y), { batchSize: 4, sampleWeight });
      c.measured.forEach((value, i) => expect(measured[i], `measured ${i}`).toBeCloseTo(value, 5));
      const { history } = await net.fit(restore(c.x), restore(c.y), { epochs: 2, batchSize: 4, shuffle: false, verbose: 0, sampleWeight });
      for (const [name, values] of Object.entries(c.history)) values.forEach((value, i) => expect(history[name]![i], name).toBeCloseTo(value, 5));
      net.getWeights().forEach((weight, i) => expectClose(weight, c.end[i]!, `weight ${i}`, 1e-4));
      expectClose(await net.predict(restore(c.x)), c.predictions, "predictions", 1e-4);
    });
});

test("weights are for samples, or for their steps", async () => {
  const net = sequential([layers.dense(1, { inputShape: [3, 2] })]);
  net.compile({ loss: "mse", optimizer: "sgd" });
  const wrong = net.fit(uniform([4, 3, 2]), uniform([4, 3, 1]), { sampleWeight: uniform([4, 2]), verbose: 0 });
  await expect(wrong).rejects.toThrow(/sampleWeight is \[4, 2\]; there is one number for each of 4 samples\s+hint: or one for each step: \[4, 3\]/);
});

test("a stateful layer is fitted, and keeps its state from batch to batch", async () => {
  const recurrent = layers.lstm(3, { stateful: true, inputShape: [3, 1] });
  const net = sequential([recurrent, layers.dense(1)]);
  net.compile({ loss: "mse", optimizer: "sgd" });
  await net.fit(uniform([8, 3, 1]), uniform([8, 1]), { batchSize: 4, epochs: 2, shuffle: false, verbose: 0 });
  const x = uniform([4, 3, 1]);
  const later = net.forward(x).dataSync();
  recurrent.resetStates();
  expect([...net.forward(x).dataSync()]).not.toEqual([...later]);
});
