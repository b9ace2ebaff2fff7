/** Every kind of layer is written down and made again; what chance does; mistakes. */
import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { layers, ones, seed, sequential, type Tensor, zeros } from "../src/index.ts";
import { revive } from "../src/layers/revive.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, restore, type Stored } from "./parity.ts";

beforeAll(() => setEngine(referenceEngine()));

interface Case {
  name: string;
  layer: { kind: string; args: unknown[]; options: object };
  weights: Stored[];
  inputs: Stored[];
}

const makers = layers as unknown as Record<string, (...args: unknown[]) => layers.Layer>;
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);

describe("a layer is the same once written down and made again", () => {
  const firsts = new Map(casesOf<Case>("keras/space").map((c) => [c.layer.kind, c]));
  test.each([...firsts.keys()])("%s", (kind) => {
    const { layer: { args, options }, weights, inputs } = firsts.get(kind)!;
    const layer = makers[kind]!(...args, ...(Object.keys(options).length > 0 ? [options] : [])).eval() as layers.Layer;
    const again = revive("test", JSON.parse(JSON.stringify({ className: layer.className, config: layer.getConfig() }))).eval() as layers.Layer;
    for (const each of [layer, again]) {
      each.build(inputs[0]!.shape.slice(1));
      each.setWeights(weights.map((w) => restore(w)));
    }
    expect(numbers(again.forward(restore(inputs[0]!)))).toEqual(numbers(layer.forward(restore(inputs[0]!))));
    expect(again.getConfig()).toEqual(layer.getConfig());
  });

  test("spectralNormalization, with the layer in it", () => {
    const layer = layers.spectralNormalization(layers.conv2d(2, 3));
    const again = revive("test", JSON.parse(JSON.stringify({ className: layer.className, config: layer.getConfig() }))) as layers.SpectralNormalization;
    expect(again.layer.getConfig()).toEqual(layer.layer.getConfig());
  });

  test("a lambda says that it cannot be", () => {
    const layer = layers.lambda((x) => x.mul(2));
    expect(numbers(layer.forward(ones([1, 2])))).toEqual([2, 2]);
    expect(() => layer.getConfig()).toThrow("a lambda layer holds a function, which cannot be written down");
  });
});

describe("channels first is channels last with the axes moved", () => {
  const sizes = [5, 6, 4];
  const kinds: [string, (format: object) => layers.Layer, number][] = [1, 2, 3].flatMap((rank): [string, (format: object) => layers.Layer, number][] => [
    [`conv${rank}d`, (format) => makers[`conv${rank}d`]!(4, 2, { padding: "same", strides: 2, kernelInitializer: "ones", ...format }), rank],
    [`conv${rank}dTranspose`, (format) => makers[`conv${rank}dTranspose`]!(4, 2, { strides: 2, kernelInitializer: "ones", ...format }), rank],
    [`maxPooling${rank}d`, (format) => makers[`maxPooling${rank}d`]!(2, format), rank],
    [`adaptiveAveragePooling${rank}d`, (format) => makers[`adaptiveAveragePooling${rank}d`]!(2, format), rank],
  ]);
  test.each(kinds)("%s", (_, make, rank) => {
    const first = [2, 3, ...sizes.slice(0, rank)];
    const x = restore({ shape: first, dtype: "float32", data: Array.from({ length: first.reduce((a, b) => a * b) }, (_, i) => Math.sin(i)) });
    const back = [0, rank + 1, ...Array.from({ length: rank }, (_, i) => i + 1)];
    const forth = [0, ...Array.from({ length: rank }, (_, i) => i + 2), 1];
    const y = make({ dataFormat: "channelsFirst" }).forward(x);
    const z = make({}).forward(x.permute(forth)).permute(back);
    expect(y.shape).toEqual(z.shape);
    expect(numbers(y)).toEqual(numbers(z));
  });
});

describe("chance", () => {
  const spread = (y: number[]): [mean: number, deviation: number] => {
    const mean = y.reduce((a, b) => a + b, 0) / y.length;
    return [mean, Math.sqrt(y.reduce((s, v) => s + (v - mean) ** 2, 0) / y.length)];
  };

  test("gaussianNoise adds, gaussianDropout multiplies, with the spread they say", () => {
    seed(1);
    const [added, addedSpread] = spread(numbers(layers.gaussianNoise(0.5).forward(ones([100, 500]))));
    expect(added).toBeCloseTo(1, 1);
    expect(addedSpread).toBeCloseTo(0.5, 1);
    const [, times] = spread(numbers(layers.gaussianDropout(0.2).forward(ones([100, 500]))));
    expect(times).toBeCloseTo(0.5, 1);
  });

  test("spatialDropout drops whole channels, dropout with a noiseShape whole rows", () => {
    seed(2);
    const y = numbers(layers.spatialDropout2d(0.5).forward(ones([2, 3, 3, 8])));
    for (let n = 0; n < 2; n++) for (let c = 0; c < 8; c++) expect(new Set(Array.from({ length: 9 }, (_, i) => y[(n * 9 + i) * 8 + c])).size).toBe(1);
    expect(new Set(y)).toEqual(new Set([0, 2]));
    const rows = numbers(layers.dropout(0.5, { noiseShape: [null, 1] }).forward(ones([16, 4])));
    for (let n = 0; n < 16; n++) expect(new Set(rows.slice(4 * n, 4 * n + 4)).size).toBe(1);
  });

  test("activityRegularization adds to the loss what it sees", () => {
    const layer = layers.activityRegularization({ l1: 0.1, l2: 1 });
    layer.forward(ones([2, 3]).mul(2));
    expect(layer.penalties()[0]!.item()).toBeCloseTo((0.1 * 12 + 24) / 2, 5);
  });
});

describe("mistakes name the layer and what would be right", () => {
  const x = (...shape: number[]): Tensor => zeros(shape);
  test.each<[string, () => unknown, string]>([
    ["an unknown order of axes", () => layers.conv2d(2, 3, { dataFormat: "channels" as never }), 'there is no dataFormat "channels"'],
    ["too few axes", () => layers.conv3d(2, 3).forward(x(1, 5, 5, 2)), "expects samples of [depth, height, width, channels], got [5, 5, 2]\n  hint: give it a channel axis: x.reshape([-1, 5, 5, 2, 1])"],
    ["causal images", () => layers.conv2d(2, 3, { padding: "causal" }), 'there is no padding "causal"; it is "valid" or "same"'],
    ["output padding as wide as the strides", () => layers.conv1dTranspose(2, 3, { strides: 2, outputPadding: 2 }), "outputPadding must be below the strides [2], got 2"],
    ["other channels", () => { const layer = layers.depthwiseConv2d(2); layer.build([4, 4, 3]); return layer.forward(x(1, 4, 4, 2)); }, "expects 3 channels on the last axis, got samples of [4, 4, 2]"],
    ["borders of another length", () => layers.zeroPadding2d([1, 2, 3] as never), "padding is [1,2,3]; it is a whole number from 0, 2 of them, or 2 pairs"],
    ["nothing left", () => layers.cropping1d(2).forward(x(1, 4, 1)), "cropping [2, 2] leaves nothing of axis 0 of samples of [4, 1]"],
    ["channels that make no groups", () => layers.groupNormalization({ groups: 2 }).forward(x(1, 3)), "3 channels of samples of [3] cannot be split into 2 groups"],
    ["groups over the batch", () => layers.groupNormalization({ axis: 0 }).forward(x(1, 3)), "axis 0 is the batch; channels are another"],
    ["features over the batch", () => layers.rmsNormalization({ axis: 0 }).forward(x(1, 3)), "axis 0 is the batch; features are normalised along others"],
    ["a rate in percent", () => layers.gaussianDropout(50), "rate is 50; it is a chance from 0 to below 1\n  hint: did you mean 0.5?"],
    ["noise below 0", () => layers.gaussianNoise(-1), "stddev is -1; it is a number from 0"],
    ["axes counted from 0", () => layers.permute([0, 1]), "dims is [0,1]; it names each axis of a sample once, counted from 1"],
    ["axes of another number", () => layers.permute([2, 1]).forward(x(1, 2)), "dims [2, 1] is for samples of 2 axes, got [2]"],
    ["a matrix to repeat", () => layers.repeatVector(2).forward(x(1, 2, 2)), "expects samples of [features], got [2, 2]"],
    ["no equation", () => layers.einsumDense("ab->ab", 2), 'the equation is "ab->ab"; it has the form "ab,bc->ac", "...a,ab->...b" or "ab...,bc->ac..."'],
    ["axes that the equation does not name", () => layers.einsumDense("ab,bc->ac", 2).forward(x(1, 2, 3)), "ab,bc->ac speaks of 2 axes, batches of [2, 3] have 3"],
    ["an open size", () => layers.einsumDense("ab,bc->ac", [null]).forward(x(1, 2)), "the size of c in ab,bc->ac is open: say it in outputShape"],
    ["a bias along no axis", () => layers.einsumDense("ab,bc->ac", 2, { biasAxes: "b" }).forward(x(1, 2)), 'biasAxes "b" names b, which is no axis of the output "ac"'],
    ["a size said twice", () => layers.einsumDense("abc,cd->abd", [5, 3]).forward(x(1, 2, 3)), "b of abc,cd->abd is 2 in samples of [2, 3] and 5 in outputShape"],
    ["a layer without kernel", () => layers.spectralNormalization(layers.flatten()).forward(x(1, 2)), "has neither a kernel nor embeddings"],
    ["no layer at all", () => layers.spectralNormalization({ layer: 3 as never }), "layer is number, not a layer"],
    ["a function that returns no tensor", () => layers.lambda(() => 3 as never).forward(x(1, 2)), "the function returned number, not a tensor"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});

test("layers of every family stand in one model", () => {
  const model = sequential([
    layers.zeroPadding2d(1, { inputShape: [8, 8, 2] }),
    layers.separableConv2d(4, 3),
    layers.groupNormalization({ groups: 2 }),
    layers.depthwiseConv2d(3, { padding: "same" }),
    layers.spatialDropout2d(0.2),
    layers.conv2dTranspose(3, 2, { strides: 2 }),
    layers.adaptiveMaxPooling2d(2),
    layers.flatten(),
    layers.repeatVector(2),
    layers.permute([2, 1]),
  ]);
  expect(model.predict(zeros([3, 8, 8, 2])).then((y) => (y as Tensor).shape)).resolves.toEqual([3, 12, 2]);
});
