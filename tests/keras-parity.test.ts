import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { activations, tensor, type Tensor } from "../src/index.ts";
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
  const named = (name: string): ((x: Tensor, options: object) => Tensor) => (activations as unknown as Record<string, never>)[name.replace(/_(.)/g, (_, c: string) => c.toUpperCase())]!;
  for (const c of casesOf<LayerCase & { activation?: string; options?: object }>("keras/activations"))
    test(c.name, () => {
      if (c.activation === undefined) return compareLayer(c);
      // At 0 itself TensorFlow adds up the slopes of both sides of celu.
      const { activation, options } = c;
      compare(layers.activation(options ? (x) => named(activation)(x, options) : activation), activation === "celu" && !options ? { ...c, gradients: {} } : c);
    });

  test("sparsemax gives the nearest shares that add up to 1, where Keras 3.15 on TensorFlow adds sums up twice", () => {
    const x = tensor([[1, 0.9, 0], [3, 0, 0], [0.1, 0.2, 0.3]], { requiresGrad: true });
    const y = activations.sparsemax(x);
    const wanted = [0.55, 0.45, 0, 1, 0, 0, 0.7 / 3, 1 / 3, 1.3 / 3];
    [...y.dataSync()].forEach((v, i) => expect(v).toBeCloseTo(wanted[i]!, 6));
    [...activations.sparsemax(x.transpose(), { axis: 0 }).transpose().dataSync()].forEach((v, i) => expect(v).toBeCloseTo(wanted[i]!, 6));
    // Within the support, what flows back loses its mean; elsewhere nothing flows.
    y.mul(tensor([[1, 3, 5], [1, 3, 5], [1, 3, 5]])).sum().backward();
    const slopes = [-1, 1, 0, 0, 0, 0, -2, 0, 2];
    [...x.grad!.dataSync()].forEach((v, i) => expect(v).toBeCloseTo(slopes[i]!, 5));
  });

  test("mistakes", () => {
    expect(() => layers.batchNormalization({ renormClipping: { max: 1 } as never })).toThrow(/there is no bound of renormClipping "max"/);
    expect(() => layers.batchNormalization({ renorm: true, renormClipping: { rmin: 2, rmax: 1 } })).toThrow("rmin is at most rmax, and dmax at least 0");
    expect(() => activations.threshold(tensor([1]))).toThrow(/threshold: needs a threshold and a defaultValue[\s\S]*activations.threshold\(x, \{/);
    expect(() => activations.glu(tensor([[1, 2, 3]]))).toThrow("axis -1 of [1, 3] cannot be halved");
  });
});
