/** Layers of positions and reversible embeddings: outputs and gradients are Keras' and KerasHub's. */
import { describe, expect, test } from "vitest";
import { input, layers, loadModel, model, ones, tensor, type Tensor, zeros } from "../src/index.ts";
import { revive } from "../src/layers/revive.ts";
import { maskOf } from "../src/module/mask.ts";
import { casesOf, expectClose, restore, restoreOptions, type Stored } from "./parity.ts";

interface Case {
  name: string;
  layer: { kind: string; options: Record<string, unknown> };
  weights: (Stored & { name: string })[];
  input: Stored;
  call: Record<string, unknown>;
  output: Stored;
  outputGradient: Stored;
  gradients: Stored[];
}

const makers = layers as unknown as Record<string, (options: object) => layers.Layer>;

describe("outputs and gradients are Keras' and KerasHub's", () => {
  test.each(casesOf<Case>("keras/positions").map((c) => [c.name, c] as const))("%s", (_, c) => {
    const first = makers[c.layer.kind]!(c.layer.options);
    const layer = revive("test", JSON.parse(JSON.stringify({ className: first.className, config: first.getConfig() })));
    layer.build(c.layer.kind === "reversibleEmbedding" ? [4] : c.input.shape.slice(1));
    layer.setWeights(c.weights.map((stored) => restore(stored)));
    const x = restore(c.input, c.input.dtype !== "int32");
    const y = layer.forward(x, ...(Object.keys(c.call).length > 0 ? [restoreOptions(c.call)] : [])) as Tensor;
    // The waves are the same for every input.
    if (y.requiresGrad) y.mul(restore(c.outputGradient)).sum().backward();
    expectClose(y, c.output, "output", 3e-5);
    const owners = [...(x.requiresGrad ? [x] : []), ...layer.parameters()];
    c.gradients.forEach((stored, i) => expectClose(owners[i]!.grad ?? zeros(owners[i]!.shape), stored, `gradient ${i}`, 5e-5));
  });
});

test("a language model ties its ends together by a reversible embedding, and is saved", async () => {
  const x = input({ shape: [5] });
  const tokens = layers.reversibleEmbedding(9, 4, { name: "tokens", maskZero: true });
  const h = tokens.apply(x);
  const whole = model({ inputs: x, outputs: tokens.apply(layers.add().apply([h, layers.sinePositionEncoding().apply(h)]), { reverse: true }) });
  expect(whole.countParams()).toBe(36);
  const ids = tensor([[1, 2, 3, 0, 0]], { dtype: "int32" });
  const again = await loadModel(await whole.toBytes());
  expect([...again.forward(ids as never).dataSync()]).toEqual([...whole.forward(ids as never).dataSync()]);
  expect((whole.forward(ids as never) as Tensor).shape).toEqual([1, 5, 9]);
});

test("token 0 is masked where it stands for nothing", () => {
  const layer = layers.tokenAndPositionEmbedding({ vocabularySize: 5, sequenceLength: 4, embeddingDim: 2, maskZero: true });
  expect(maskOf(layer.forward(tensor([[1, 0, 2]], { dtype: "int32" })))!.arraySync()).toEqual([[true, false, true]]);
});

test.each<[string, () => unknown, string | RegExp]>([
  ["longer sequences than there are positions", () => layers.positionEmbedding(3).forward(zeros([1, 4, 2])), /positions go up to 4, there are 3[\s\S]*sequenceLength/],
  ["other features than before", () => { const layer = layers.positionEmbedding(3); layer.forward(zeros([1, 3, 2])); layer.forward(zeros([1, 3, 4])); }, "expects 2 features, got samples of [3, 4]"],
  ["positions of another sequence", () => layers.sinePositionEncoding().forward(zeros([1, 3, 2]), { positions: ones([4]) }), "positions are [4]; there are 3 of them in a sequence"],
  ["single numbers", () => layers.sinePositionEncoding().forward(zeros([1, 3])), "expects samples of [positions, features], got [3]"],
  ["odd features to turn", () => layers.rotaryEmbedding().forward(zeros([1, 2, 3])), "features turn in pairs"],
  ["one axis for both", () => layers.rotaryEmbedding({ featureAxis: 1 }).forward(zeros([1, 2, 4])), "sequenceAxis and featureAxis are both 1"],
  ["an unknown rope", () => layers.rotaryEmbedding({ ropeType: "ntk" as never }), 'there is no ropeType "ntk"'],
  ["no waves", () => layers.sinePositionEncoding({ maxWavelength: 0 }), "maxWavelength is 0; it is a number above 0"],
  ["a way back from other rows", () => { const layer = layers.reversibleEmbedding(5, 3); layer.build([2]); layer.forward(zeros([1, 2, 4]), { reverse: true }); }, "expected [..., 3] to go back from, got [1, 2, 4]"],
])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
