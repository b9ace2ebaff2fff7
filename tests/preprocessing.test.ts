import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { layers, seed, tensor, type Tensor, uniform } from "../src/index.ts";
import { revive } from "../src/layers/revive.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  layer: { kind: string; args: unknown[]; options: Record<string, unknown> };
  input: Stored;
  adapt?: Stored;
  training?: boolean;
  output: Stored;
}

const makers = layers as unknown as Record<string, (...args: unknown[]) => layers.Layer & { adapt?: (data: Tensor) => unknown }>;
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);

beforeAll(() => setEngine(referenceEngine()));

describe("preprocessing layers are Keras'", () => {
  for (const c of [...casesOf<Case>("keras/preprocessing"), ...casesOf<Case>("keras/images")])
    test(c.name, () => {
      const { kind, args, options } = c.layer;
      if (options["outputMode"] === "one_hot") options["outputMode"] = "oneHot";
      // Where Keras leaves an argument to its default, options still come after it.
      if (kind === "randomZoom" && args.length === 1) args.push(undefined);
      const layer = makers[kind]!(...args, ...(Object.keys(options).length > 0 ? [options] : []));
      if (c.adapt) layer.adapt!(restore(c.adapt));
      expectClose((layer.train(c.training ?? true) as layers.Layer).forward(restore(c.input)), c.output, "output");
      const again = revive("test", JSON.parse(JSON.stringify({ className: layer.className, config: layer.getConfig() })));
      expect(again.getConfig()).toEqual(layer.getConfig());
    });

  test("what was measured is part of the state, and nothing learns it", () => {
    const layer = layers.normalization().adapt([[1, 10], [3, 30]]);
    expect(Object.keys(layer.stateDict())).toEqual(["mean", "variance"]);
    expect(layer.parameters()).toEqual([]);
    expect(numbers(layer.mean!)).toEqual([2, 20]);
  });
});

describe("augmentations change each image by itself, in training only", () => {
  const images = (): Tensor => uniform([32, 4, 4, 2], 0, 255);
  const rows = (x: Tensor): number[][] => Array.from({ length: 32 }, (_, i) => numbers(x).slice(32 * i, 32 * i + 32));

  test.each([layers.randomFlip(), layers.randomBrightness(0.2), layers.randomContrast(0.5), layers.randomRotation(0.2), layers.randomTranslation(0.2, 0.3), layers.randomZoom(0.4), layers.randomErasing()])("$name lets images pass in evaluation", (layer) => {
    const x = images();
    expect(numbers((layer.eval() as layers.Layer).forward(x))).toEqual(numbers(x));
  });

  test("randomFlip mirrors about half of them", () => {
    seed(3);
    const x = images();
    const [before, after, mirrored] = [rows(x), rows(layers.randomFlip("horizontal").forward(x)), rows(x.flip(2))];
    const turned = after.filter((image, i) => image.every((v, k) => v === mirrored[i]![k])).length;
    const kept = after.filter((image, i) => image.every((v, k) => v === before[i]![k])).length;
    expect(turned + kept).toBe(32);
    expect(turned).toBeGreaterThan(8);
    expect(kept).toBeGreaterThan(8);
  });

  test("randomBrightness adds one number to an image, within the range", () => {
    seed(4);
    const x = images().mul(0.2).add(100);
    const [before, after] = [rows(x), rows(layers.randomBrightness([0.1, 0.2]).forward(x))];
    const steps = after.map((image, i) => image[0]! - before[i]![0]!);
    after.forEach((image, i) => image.forEach((v, k) => expect(v - before[i]![k]!).toBeCloseTo(steps[i]!, 2)));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(25.4);
    expect(Math.max(...steps)).toBeLessThanOrEqual(51.1);
    expect(Math.max(...numbers(layers.randomBrightness([1, 1]).forward(x)))).toBe(255);
  });

  test("randomContrast keeps the mean of each channel", () => {
    seed(5);
    const x = images().mul(0.1).add(100);
    const y = layers.randomContrast([0.5, 0.5]).forward(x);
    numbers(y.mean([1, 2])).forEach((m, i) => expect(m).toBeCloseTo(numbers(x.mean([1, 2]))[i]!, 2));
    const factors = numbers(y.std([1, 2, 3]).div(x.std([1, 2, 3])));
    expect(Math.min(...factors)).toBeGreaterThan(0.45);
    expect(Math.max(...factors)).toBeLessThan(1.55);
    expect(new Set(factors.map((f) => f.toFixed(2))).size).toBeGreaterThan(10);
  });
});

describe("warps, crops and erasures", () => {
  const ramp = (): Tensor => tensor(Array.from({ length: 32 * 6 * 5 }, (_, i) => i % 30)).reshape([32, 6, 5, 1]);
  const rows = (x: Tensor): string[] => Array.from({ length: x.shape[0]! }, (_, i) => numbers(x.slice([i], [i + 1])).join());

  test.each([layers.randomRotation(0.2), layers.randomTranslation(0.4, 0.4), layers.randomZoom(0.4), layers.randomErasing(), layers.randomCrop(3, 2)])(
    "$name treats images each in its own way, the same again with the same seed, and is revived",
    (layer) => {
      seed(6);
      const once = rows(layer.forward(ramp()));
      expect(new Set(once).size).toBeGreaterThan(8);
      seed(6);
      expect(rows(layer.forward(ramp()))).toEqual(once);
      const again = revive("test", JSON.parse(JSON.stringify({ className: layer.className, config: layer.getConfig() })));
      seed(6);
      expect(rows(again.forward(ramp()) as Tensor)).toEqual(once);
    },
  );

  test("randomCrop takes a window as it is, anywhere in the image", () => {
    seed(7);
    const windows = layers.randomCrop(3, 2).forward(uniform([1]).mul(0).add(ramp().slice([0], [1])).broadcast([400, 6, 5, 1]));
    const starts = new Set<number>();
    for (const window of rows(windows).map((row) => row.split(",").map(Number))) {
      const [first] = window as [number];
      starts.add(first);
      expect(window).toEqual([0, 1, 5, 6, 10, 11].map((step) => first + step));
    }
    expect([...starts].sort((a, b) => a - b)).toEqual([0, 1, 2, 3].flatMap((row) => [0, 1, 2, 3].map((column) => 5 * row + column)));
  });

  test("randomCrop takes the middle in evaluation", () => {
    const x = ramp();
    const middle = (layers.randomCrop(6, 3).eval() as layers.Layer).forward(x);
    expect(numbers(middle)).toEqual(numbers(layers.centerCrop(6, 3).forward(x)));
  });

  test("randomErasing puts one rectangle of the size it should have in each image", () => {
    seed(8);
    const erased = layers.randomErasing([1, 1], { scale: [0.25, 0.25], fillValue: -1, valueRange: [-1, 1] }).forward(uniform([200, 12, 8, 2], 0, 1));
    const shares = numbers(erased.less(0).to("float32").mean([1, 2, 3]));
    expect(Math.max(...shares)).toBeLessThanOrEqual(7 * 5 / 96);
    expect(Math.max(...shares)).toBeGreaterThan(0.24);
    const half = layers.randomErasing([0.5, 0.5], { fillValue: -1, valueRange: [-1, 1] }).forward(uniform([400, 12, 8, 2], 0, 1));
    const hit = numbers(half.less(0).to("float32").max([1, 2, 3])).filter((v) => v > 0).length;
    expect(Math.abs(hit - 200)).toBeLessThan(50);
    for (const image of Array.from({ length: 20 }, (_, i) => numbers(erased.slice([i], [i + 1]).less(0).to("float32").squeeze(0).max(2)))) {
      const at = image.flatMap((v, i) => (v > 0 ? [i] : []));
      const [down, across] = [new Set(at.map((i) => Math.floor(i / 8))), new Set(at.map((i) => i % 8))];
      expect(at.length).toBe(down.size * across.size);
    }
  });
});

describe("mistakes", () => {
  test.each<[string, () => unknown, string]>([
    ["a mean without its variance", () => layers.normalization({ mean: 1 }), "variance is missing: both are given, or neither and adapt is called"],
    ["the batch as features", () => layers.normalization({ axis: 0 }).forward(tensor([[1]])), "axis 0 is the batch; features are along another"],
    ["numbers for other features", () => layers.normalization({ mean: [1, 2], variance: [1, 2] }).forward(tensor([[1, 2, 3]])), "2 numbers are given for 3 features"],
    ["other features than were measured", () => { const layer = layers.normalization().adapt([[1, 2]]); layer.forward(tensor([[1, 2, 3]])); }, "has measured 2 features, got samples of [3]"],
    ["a scale that is no number", () => layers.rescaling("x" as never), 'scale is "x"; it is a number, or a list of them'],
    ["falling boundaries", () => layers.discretization([1, 0]), "binBoundaries are [1,0]; they are rising numbers"],
    ["an unknown encoding", () => layers.categoryEncoding(3, { outputMode: "multihit" as never }), 'there is no outputMode "multihit"\n  hint: did you mean "multiHot"?'],
    ["an unknown interpolation", () => layers.resizing(2, 2, { interpolation: "linear" as never }), 'there is no interpolation "linear"\n  hint: did you mean "bilinear"?'],
    ["an interpolation of volumes", () => layers.upSampling3d(2, { interpolation: "bilinear" }), 'interpolation is "bilinear"; sequences and volumes have "nearest" only'],
    ["cut and padded", () => layers.resizing(2, 2, { cropToAspectRatio: true, padToAspectRatio: true }), "cropToAspectRatio and padToAspectRatio are both true; give one of them"],
    ["no width", () => layers.centerCrop(2), "width must be a whole number from 1, got undefined"],
    ["an unknown outside", () => layers.randomZoom(0.1, 0.1, { fillMode: "edge" as never }), 'there is no fillMode "edge"'],
    ["a warp by curves", () => layers.randomRotation(0.1, { interpolation: "bicubic" as never }), 'there is no interpolation "bicubic"'],
    ["a fill that is no number", () => layers.randomRotation(0.1, { fillValue: Number.NaN }), "fillValue is null; it is a number"],
    ["a range the wrong way round", () => layers.randomTranslation([0.2, 0.1]), "heightFactor is [0.2,0.1]; it is a number from 0, or two: [low, high]"],
    ["a negative reach", () => layers.randomRotation(-0.1), "factor is -0.1; it is a number from 0, or two: [low, high]"],
    ["a chance above 1", () => layers.randomErasing(2), "factor is 2; it is a number from 0 to 1, or two from 0 to 1: [low, high]"],
    ["an unknown flip", () => layers.randomFlip("sideways" as never), 'there is no mode "sideways"'],
    ["too much brightness", () => layers.randomBrightness(2), "factor is 2; it is a number from 0 to 1, or two from -1 to 1"],
    ["images without channels", () => layers.randomFlip().forward(tensor([[[1]]])), "expects samples of [height, width, channels], got [1, 1]"],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
