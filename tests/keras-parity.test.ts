import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as layers from "../src/layers/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface LayerCase {
  name: string;
  layer: { kind: string; args: unknown[]; options: Record<string, unknown> };
  training: boolean;
  weights: (Stored & { name: string })[];
  inputs: Stored[];
  output: Stored;
  outputGradient: Stored;
  gradients: Record<string, Stored>;
  weightsAfter?: Record<string, Stored>;
  parameters: { total: number; trainable: number };
}

const makers = layers as unknown as Record<string, (...args: unknown[]) => layers.Layer>;

beforeAll(() => setEngine(referenceEngine()));

/** Runs a layer forward and backward and compares all that comes out. */
function compare(layer: layers.Layer, c: Pick<LayerCase, "inputs" | "output" | "outputGradient" | "gradients">): void {
  const inputs = c.inputs.map((stored, i) => restore(stored, `input${i}` in c.gradients));
  const output = layer.forward(inputs[0]!);
  if (Object.keys(c.gradients).length > 0) output.mul(restore(c.outputGradient)).sum().backward();
  expectClose(output, c.output, "output");
  const named = new Map(layer.namedParameters());
  for (const [name, stored] of Object.entries(c.gradients)) {
    const owner = name.startsWith("input") ? inputs[Number(name.slice(5))]! : named.get(name)!;
    expectClose(owner.grad!, stored, `gradient of ${name}`);
  }
}

function compareLayer(c: LayerCase): void {
  const { kind, args, options } = c.layer;
  const layer = makers[kind]!(...args, ...(Object.keys(options).length > 0 ? [options] : []));
  layer.build(c.inputs[0]!.shape.slice(1));
  layer.train(c.training).setWeights(c.weights.map((stored) => restore(stored)));
  compare(layer, c);
  const after = layer.stateDict();
  for (const [name, stored] of Object.entries(c.weightsAfter ?? {})) expectClose(after[name]!, stored, `${name} afterwards`);
  expect(layer.countParams()).toBe(c.parameters.total);
  expect(layer.parameters().reduce((n, p) => n + p.size, 0)).toBe(c.parameters.trainable);
}

describe("layers: outputs, gradients and moving statistics are Keras'", () => {
  for (const c of [...casesOf<LayerCase>("keras/layers"), ...casesOf<LayerCase>("keras/space")]) test.skipIf(!(c.layer.kind in makers))(c.name, () => compareLayer(c));
});

describe("activations are Keras', by name and as layers", () => {
  for (const c of casesOf<LayerCase & { activation?: string }>("keras/activations"))
    test(c.name, () => {
      if (c.activation === undefined) return compareLayer(c);
      // At 0 itself TensorFlow adds up the slopes of both sides of celu.
      compare(layers.activation(c.activation), c.activation === "celu" ? { ...c, gradients: {} } : c);
    });
});
