import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as layers from "../src/layers/index.ts";
import { input, loadModel, model } from "../src/models/index.ts";
import { ones, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { uniform } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { casesOf, expectClose, restore, restoreOptions, type Stored } from "./parity.ts";

interface Case {
  name: string;
  layer: { kind: string; options: Record<string, unknown> };
  weights: (Stored & { name: string })[];
  inputs: Stored[];
  call: Record<string, unknown>;
  outputs: Stored[];
  outputGradients: Stored[];
  gradients: Record<string, Stored>;
  parameters: number;
}

const makers = layers as unknown as Record<string, (options: object) => layers.Layer>;

beforeAll(() => setEngine(referenceEngine()));

describe("layers of attention: outputs, shares and gradients are Keras'", () => {
  for (const c of casesOf<Case>("keras/attention"))
    test(c.name, () => {
      const layer = makers[c.layer.kind]!(c.layer.options);
      layer.build(...(c.inputs.map((stored) => stored.shape.slice(1)) as [number[], ...number[][]]));
      const path = (name: string): string => name.replace("/", ".");
      expect([...layer.namedParameters()].map(([name]) => name)).toEqual(c.weights.map(({ name }) => path(name)));
      layer.setWeights(c.weights.map((stored) => restore(stored)));
      const inputs = c.inputs.map((stored) => restore(stored, true));
      const call = restoreOptions(c.call);
      if (Array.isArray(call["mask"])) call["mask"] = call["mask"].map((mask) => (mask === null ? undefined : restore(mask as Stored)));
      const made = layer.forward(inputs, call) as Tensor | readonly Tensor[];
      const outputs = Array.isArray(made) ? (made as readonly Tensor[]) : [made as Tensor];
      expect(outputs.length).toBe(c.outputs.length);
      outputs.map((out, i) => out.mul(restore(c.outputGradients[i]!)).sum()).reduce((a, b) => a.add(b)).backward();
      outputs.forEach((out, i) => expectClose(out, c.outputs[i]!, `output ${i}`, 2e-5));
      const named = new Map(layer.namedParameters());
      for (const [name, stored] of Object.entries(c.gradients)) {
        const owner = name.startsWith("input") ? inputs[Number(name.slice(5))]! : named.get(path(name))!;
        // A bias of keys moves all scores of a query alike, so its gradient is rounding, and Keras' own.
        if (name === "key/bias") continue;
        expectClose(owner.grad ?? zeros(owner.shape), stored, `gradient of ${name}`, 5e-5);
      }
      expect(layer.countParams()).toBe(c.parameters);
    });
});

describe("attention as a layer of a model", () => {
  test("takes several inputs, options of its use, and is written down and read again", async () => {
    const a = input({ shape: [4, 6] });
    const b = input({ shape: [5, 6] });
    const y = layers.multiHeadAttention({ numHeads: 2, keyDim: 3, name: "looking" }).apply([a, a], { useCausalMask: true });
    const z = layers.attention({ name: "matching" }).apply([y, b]);
    const whole = model({ inputs: [a, b], outputs: z });
    expect(whole.forward([zeros([2, 4, 6]), ones([2, 5, 6])] as never).shape).toEqual([2, 4, 6]);
    expect(whole.countParams()).toBe(3 * (6 * 6 + 6) + 6 * 6 + 6);
    const again = await loadModel(await whole.toBytes());
    const batch = [uniform([2, 4, 6]), uniform([2, 5, 6])] as never;
    expect([...again.forward(batch).dataSync()]).toEqual([...whole.forward(batch).dataSync()]);
  });

  test("goes through the attention op, unless the shares are asked for or thinned out", () => {
    const names = (y: Tensor): Set<string> => {
      const found = new Set<string>();
      const seen = new Set<unknown>();
      const stack = [y.node];
      for (let node = stack.pop(); node; node = stack.pop()) {
        if (seen.has(node)) continue;
        seen.add(node);
        found.add(node.op?.name ?? "");
        stack.push(...node.inputs);
      }
      return found;
    };
    const x = uniform([2, 4, 6]);
    const mask = ones([4, 4]).greater(0);
    const has = (layer: layers.Layer, call: object = {}): boolean => names([layer.forward([x, x], call as never)].flat()[0] as Tensor).has("attention");
    const heads = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 });
    expect([has(heads), has(heads, { useCausalMask: true }), has(heads, { attentionMask: mask }), has(heads, { returnAttentionScores: true })]).toEqual([true, true, true, false]);
    expect([has(layers.groupQueryAttention({ headDim: 2, numQueryHeads: 4, numKeyValueHeads: 2 })), has(layers.attention()), has(layers.additiveAttention())]).toEqual([true, true, false]);
    expect(has(layers.multiHeadAttention({ numHeads: 2, keyDim: 3, dropout: 0.5 }))).toBe(false);
  });

  const mistakes: [string, () => unknown, RegExp][] = [
    ["one input", () => layers.multiHeadAttention({ numHeads: 2, keyDim: 3 }).build([4, 6]), /takes query and value, and a key.*got 1 input[\s\S]*apply\(\[x, x\]\)/],
    ["one input of an attention without projections", () => layers.attention().build([4, 6]), /takes query and value, and a key.*got 1 input/],
    ["samples that are no sequences", () => layers.multiHeadAttention({ numHeads: 2, keyDim: 3 }).build([6], [6]), /expects samples of \[positions, features\], got \[6\]/],
    ["keys without values", () => layers.multiHeadAttention({ numHeads: 2, keyDim: 3 }).build([4, 6], [5, 6], [3, 6]), /there are 3 keys and 5 values/],
    ["features that differ", () => layers.attention().build([4, 6], [5, 7]), /query is \[4, 6\], value is \[5, 7\]/],
    ["the batch as positions", () => layers.multiHeadAttention({ numHeads: 1, keyDim: 3, attentionAxes: 0 }).build([4, 6], [4, 6]), /attentionAxes are \[0\]; axis 0 is the batch, and 2 the features/],
    ["rows that differ", () => layers.multiHeadAttention({ numHeads: 1, keyDim: 3, attentionAxes: [2] }).build([2, 4, 6], [3, 4, 6]), /query is \[2, 4, 6\] and value \[3, 4, 6\]; they may differ along 1 only/],
    ["a window of nothing", () => layers.groupQueryAttention({ headDim: 2, numQueryHeads: 2, numKeyValueHeads: 2, slidingWindow: 0 }), /slidingWindow must be a whole number from 1, got 0/],
    ["several axes in groups", () => layers.groupQueryAttention({ headDim: 2, numQueryHeads: 2, numKeyValueHeads: 2 }).build([2, 4, 6], [2, 4, 6]), /expects samples of \[positions, features\], got \[2, 4, 6\]/],
    ["no heads", () => layers.multiHeadAttention({ numHeads: 0, keyDim: 3 }), /numHeads must be a whole number from 1, got 0/],
    ["a chance of 1", () => layers.multiHeadAttention({ numHeads: 1, keyDim: 3, dropout: 1 }), /dropout is 1; it is a chance from 0 to below 1/],
    ["a chance of 2 without projections", () => layers.additiveAttention({ dropout: 2 }), /dropout is 2; it is a chance/],
    ["groups that do not divide", () => layers.groupQueryAttention({ headDim: 2, numQueryHeads: 3, numKeyValueHeads: 2 }), /3 heads of queries cannot share 2/],
    ["an unknown way to score", () => layers.attention({ scoreMode: "sum" as "dot" }), /scoreMode is "dot" or "concat", got "sum"/],
    [
      "a mask without axes",
      () => layers.multiHeadAttention({ numHeads: 2, keyDim: 3 }).forward([zeros([1, 4, 6]), zeros([1, 4, 6])], { attentionMask: ones([4]) }),
      /attentionMask is \[4\]; expected \[batch, queries, keys\] = \[1, 4, 4\]/,
    ],
  ];
  test.each(mistakes)("%s is explained", (_, make, message) => expect(make).toThrow(message));
});
