/** Layers that change images by chance: with Keras' draws they make Keras' images; what they draw themselves is as it should be. */
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { beta, compile, gamma, layers, ones, seed, sequential, stack, tensor, type Tensor, uniform, zeros } from "../src/index.ts";
import { revive } from "../src/layers/revive.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  layer: { kind: string; args: unknown[]; options: Record<string, unknown> };
  input: Stored;
  transformation: Record<string, Stored>;
  output: Stored;
  labels?: Stored;
  changedLabels?: Stored;
  masks?: Stored;
  changedMasks?: Stored;
}

const makers = layers as unknown as Record<string, (...args: unknown[]) => layers.Augmentation>;
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);
const remade = (layer: layers.Layer): layers.Augmentation => revive("test", JSON.parse(JSON.stringify({ className: layer.className, config: layer.getConfig() }))) as layers.Augmentation;

const kinds: (() => layers.Layer)[] = [
  ...[layers.randomBrightness, layers.randomContrast, layers.randomHue, layers.randomSaturation, layers.randomColorDegeneration, layers.randomSharpness].map((make) => () => make(0.6)),
  ...[layers.randomInvert, layers.randomGrayscale].map((make) => () => make(0.6)),
  () => layers.randomFlip(),
  () => layers.randomRotation(0.2),
  () => layers.randomTranslation(0.2, 0.3),
  () => layers.randomZoom(0.4),
  () => layers.randomErasing(),
  () => layers.randomShear(0.4, 0.3),
  () => layers.randomPerspective(),
  () => layers.randomElasticTransform(),
  () => layers.randomGaussianBlur([1, 1], { sigma: [0.5, 1] }),
  () => layers.randomPosterization([2, 6]),
  () => layers.solarization(0.2, 0.9),
  () => layers.equalization(),
  () => layers.randomColorJitter({ brightnessFactor: 0.2, contrastFactor: 0.2, saturationFactor: 0.8, hueFactor: 0.3 }),
  () => layers.mixUp(),
  () => layers.cutMix(),
  () => layers.randAugment(),
  () => layers.augMix({ chainDepth: 1 }),
  () => layers.pipeline([layers.randomFlip(), layers.randomBrightness(0.3)]),
];

afterAll(() => setEngine(chooseEngine().engine));

describe.each([referenceEngine(), chooseEngine().engine])("on $name, with Keras' draws, images, labels and masks become Keras'", (engine) => {
  test.each(casesOf<Case>("keras/augmentation").map((c) => [c.name, c] as const))("%s", (_, c) => {
    setEngine(engine);
    const { kind, args, options } = c.layer;
    // Where Keras leaves an argument to its default, options still come after it.
    if (kind === "randomShear" && args.length === 1) args.push(0);
    const layer = remade(makers[kind]!(...args, ...(Object.keys(options).length > 0 ? [options] : [])));
    const drawn = Object.fromEntries(Object.entries(c.transformation).map(([name, stored]) => [name, /^(apply|should|batch)/.test(name) ? restore(stored).greater(0) : restore(stored)]));
    expectClose(layer.transformImages(restore(c.input), drawn), c.output, "images", /perspective|elastic|hue/.test(c.name) ? 2e-4 : 2e-5);
    if (c.labels) expectClose(layer.transformLabels(restore(c.labels), drawn), c.changedLabels!, "labels");
    if (c.masks) expectClose(layer.transformSegmentationMasks(restore(c.masks), drawn), c.changedMasks!, "masks");
  });
});

describe("every change of images", () => {
  beforeEach(() => void setEngine(chooseEngine().engine));
  const x = uniform([6, 12, 10, 3], 0, 255);

  test.each(kinds.map((make) => [make().className, make] as const))("%s is in training only, anew each time, the same again with the same seed, and is revived", (_, make) => {
    const layer = make();
    expect(numbers((layer.eval() as layers.Layer).forward(x))).toEqual(numbers(x));
    layer.train();
    seed(5);
    const once = numbers(layer.forward(x));
    expect(once).not.toEqual(numbers(x));
    expect(once.every(Number.isFinite)).toBe(true);
    if (layer.className !== "Equalization") expect(numbers(layer.forward(x))).not.toEqual(once);
    const again = remade(layer);
    again.build([12, 10, 3]);
    seed(5);
    expect(numbers(again.forward(x))).toEqual(once);
  });

  test.each(kinds.map((make) => [make().className, make] as const))("%s with channels first is the same with axes moved", (_, make) => {
    const layer = make();
    if (layer.className === "Pipeline") return;
    const first = makersOf(layer);
    seed(5);
    const wanted = numbers(layer.forward(x));
    seed(5);
    expect(numbers(first.forward(x.moveAxis(-1, 1)).moveAxis(1, -1))).toEqual(wanted);
  });

  const makersOf = (layer: layers.Layer): layers.Layer => revive("test", { className: layer.className, config: { ...layer.getConfig(), dataFormat: "channelsFirst" } });

  test("a compiled function draws anew at each run", () => {
    const layer = layers.randAugment();
    const f = compile((x: Tensor) => layer.forward(x));
    expect(numbers(f(x))).not.toEqual(numbers(f(x)));
  });
});

describe("what is drawn", () => {
  beforeEach(() => {
    setEngine(chooseEngine().engine);
    seed(11);
  });

  test.each([0.2, 1, 3])("beta and gamma of shape %s have their means and variances", (a) => {
    const n = 40_000;
    const [b, g] = [beta([n], a, 2 * a), gamma([n], a)];
    expect(b.min().item()).toBeGreaterThanOrEqual(0);
    expect(b.max().item()).toBeLessThanOrEqual(1);
    expect(Math.abs(b.mean().item() - 1 / 3)).toBeLessThan(0.01);
    expect(Math.abs(b.variance().item() - 2 / 9 / (3 * a + 1))).toBeLessThan(0.01);
    expect(Math.abs(g.mean().item() / a - 1)).toBeLessThan(0.05);
    expect(Math.abs(g.variance().item() / a - 1)).toBeLessThan(0.1);
  });

  test("a beta of vanishing shape is 0 or 1, and never no number", () => {
    const found = numbers(beta([2000], 1e-6, 1e-6)).map((x) => (x < 1e-20 ? 0 : x));
    expect(new Set(found)).toEqual(new Set([0, 1]));
  });

  test("solarization, hue and saturation stay within their documented reach", () => {
    const x = zeros([4000, 1, 1, 3]);
    const { thresholds, additions } = layers.solarization([0.2, 0.4], [0.5, 0.6]).getRandomTransformation(x);
    expect([thresholds.min().item() >= 127.5, thresholds.max().item() <= 153, additions.min().item() >= 51, additions.max().item() <= 102]).toEqual([true, true, true, true]);
    const { factor: hue } = layers.randomHue([0.4, 0.6]).getRandomTransformation(x);
    expect(hue.abs().min().item()).toBeGreaterThanOrEqual(0.2);
    expect(hue.abs().max().item()).toBeLessThanOrEqual(0.3);
    expect(Math.abs(hue.greater(0).to("float32").mean().item() - 0.5)).toBeLessThan(0.05);
    const { factor } = layers.randomSaturation(0.5).getRandomTransformation(x);
    expect(factor.min().item()).toBeGreaterThanOrEqual(0);
    expect(factor.max().item()).toBeLessThanOrEqual(1);
    const { shiftFactor } = layers.randomPosterization(4).getRandomTransformation(x);
    expect(new Set(numbers(shiftFactor))).toEqual(new Set([5, 6, 7]));
  });

  test("cutMix pastes as much of another image as it says, and labels follow", () => {
    const n = 200;
    const marks = tensor(Array.from({ length: n }, (_, i) => i)).reshape([n, 1, 1, 1]).mul(ones([n, 16, 16, 1]));
    const classes = tensor(Array.from({ length: n }, (_, i) => i), { dtype: "int32" }).oneHot(n);
    const { images, labels } = layers.cutMix().forward({ images: marks, labels: classes });
    const own = numbers(images.equal(tensor(Array.from({ length: n }, (_, i) => i)).reshape([n, 1, 1, 1])).to("float32").mean([1, 2, 3]));
    const stays = numbers(labels.mul(classes).sum(-1));
    // A share of pixels, each of which is in or out, for an area that ends between them.
    own.forEach((share, i) => expect(Math.abs(share - stays[i]!)).toBeLessThan(0.13));
    expect(Math.max(...numbers(labels.sum(-1).sub(1).abs()))).toBeLessThan(1e-5);
    expect(Math.max(...own) - Math.min(...own)).toBeGreaterThan(0.5);
  });

  test("randAugment takes each of its changes, and no image out of its range", () => {
    const { layerIdxes } = layers.randAugment({ numOps: 500 }).getRandomTransformation(uniform([1, 4, 4, 3]));
    expect(new Set(numbers(layerIdxes))).toEqual(new Set(Array.from({ length: 11 }, (_, i) => i)));
    const y = layers.augMix({ valueRange: [0, 1] }).forward(uniform([4, 8, 8, 3])) as Tensor;
    expect([y.min().item() >= 0, y.max().item() <= 1]).toEqual([true, true]);
  });

  test("augMix's chains mix with shares that add up to 1", () => {
    const { chainMixingWeights } = layers.augMix({ numChains: 4, chainDepth: 1 }).getRandomTransformation(uniform([1, 4, 4, 3]));
    expect(chainMixingWeights.sum().item()).toBeCloseTo(1, 5);
  });
});

test("a model learns from images and labels that mixUp has mixed", async () => {
  seed(2);
  const mix = layers.pipeline([layers.randomFlip("horizontal"), layers.mixUp(0.2)]);
  const classes = Array.from({ length: 64 }, (_, i) => i % 2);
  const x = stack(classes.map((one) => uniform([6, 6, 1], one * 0.5, one * 0.5 + 0.5)));
  const y = tensor(classes, { dtype: "int32" }).oneHot(2);
  const model = sequential([layers.flatten({ inputShape: [6, 6, 1] }), layers.dense(2, { activation: "softmax" })]);
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  model.learningRate = 0.02;
  await model.fit(
    function* () {
      for (let i = 0; i < 64; i += 16) {
        const { images, labels } = mix.forward({ images: x.slice([i], [i + 16]), labels: y.slice([i], [i + 16]) });
        yield [images, labels];
      }
    },
    { epochs: 12, verbose: 0 },
  );
  const [, accuracy] = await model.evaluate(x, y, { verbose: 0 });
  expect(accuracy).toBeGreaterThan(0.95);
});

describe("mistakes", () => {
  const images = zeros([2, 4, 4, 3]);
  test.each<[string, () => unknown, string | RegExp]>([
    ["labels that are numbers of classes", () => layers.mixUp().forward({ images, labels: [0, 1] }), /MixUp: labels are \[2\]; what is mixed has a share of each class[\s\S]*oneHot/],
    ["a record without images", () => layers.cutMix().forward({ labels: [[1]] } as never), "got a record without images"],
    ["a record of other things", () => layers.cutMix().forward({ images, boxes: images } as never), 'can do nothing with "boxes"'],
    ["labels of other images", () => layers.mixUp().forward({ images, labels: zeros([3, 2]) }), "there are 2 images, and labels are [3, 2]"],
    ["no mixing at all", () => layers.mixUp(0), "alpha is 0; it is a number above 0"],
    ["a hue beyond the circle", () => layers.randomHue(2), "factor is 2; it is a number from 0 to 1, or two from 0 to 1"],
    ["colours of a grey image", () => layers.randomHue(0.5).forward(zeros([1, 2, 2, 1])), "images have three channels, red, green and blue; got [1, 2, 2, 1]"],
    ["half a bit", () => layers.randomPosterization(2.5), "bits are whole numbers from 1 to 8"],
    ["nine bits", () => layers.randomPosterization(9), "factor is 9; it is a number from 1 to 8"],
    ["an even blur", () => layers.randomGaussianBlur(1, { kernelSize: 4 }), "kernelSize is 4; it is an odd number"],
    ["one bin", () => layers.equalization({ bins: 1 }), "bins is 1; it is a whole number from 2"],
    ["a range without width", () => layers.autoContrast({ valueRange: [1, 1] }), "valueRange is [1,1]; it is two numbers: [low, high]"],
    ["no tiles", () => layers.contrastLimitedAdaptiveHistogramEqualization({ tileGridSize: [0, 1] }), "tileGridSize must be a whole number from 1, got 0"],
    ["a limit below 0", () => layers.contrastLimitedAdaptiveHistogramEqualization({ clipLimit: -1 }), "clipLimit is -1; it is a number from 0"],
    ["a pipeline of one layer by itself", () => layers.pipeline(layers.randomFlip() as never), "layers is no list of layers"],
    ["a record through a pipeline with other layers", () => layers.pipeline([layers.rescaling(2)]).forward({ images }), /rescaling.* can do nothing with a record of images/],
    ["chains of alpha 0", () => layers.augMix({ alpha: 0 }), "alpha is 0; it is a number above 0"],
    ["no changes", () => layers.randAugment({ numOps: 0 }), "numOps must be a whole number from 1, got 0"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
