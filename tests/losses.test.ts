import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as losses from "../src/losses/index.ts";
import { ones, tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

beforeAll(() => setEngine(referenceEngine()));

const x = (...shape: number[]): Tensor => zeros(shape);

describe("labels may be of any kind", () => {
  const scores = tensor([
    [1, 2, 3],
    [0, 1, 0],
  ]);
  const wanted = new losses.CrossEntropyLoss().forward(scores, tensor([2, 0], { dtype: "int32" })).item();

  test.each(["uint8", "float32", "float64"] as const)("%s", (dtype) =>
    expect(new losses.CrossEntropyLoss().forward(scores, tensor([2, 0], { dtype })).item()).toBeCloseTo(wanted, 6),
  );

  test("a column, for Keras' losses", () => {
    const loss = losses.sparseCategoricalCrossentropy({ fromLogits: true });
    expect(loss(tensor([[2], [0]]), scores).mean().item()).toBeCloseTo(wanted, 6);
    expect(loss.config).toEqual({ fromLogits: true });
  });
});

test("a sigmoid before the crossentropy is folded back to scores", () => {
  const scores = tensor([[200], [-200]], { requiresGrad: true });
  const loss = losses.binaryCrossentropy(tensor([[0], [1]]), scores.sigmoid());
  loss.sum().backward();
  expect([...loss.dataSync()]).toEqual([200, 200]);
  expect([...scores.grad!.dataSync()]).toEqual([1, -1]);
});

test("a softmax already computed costs precision, not correctness", () => {
  const shares = tensor([[2, 0, -1]]).softmax();
  shares.dataSync();
  expect(losses.sparseCategoricalCrossentropy(tensor([0]), shares).item()).toBeCloseTo(Math.log(1 + Math.exp(-2) + Math.exp(-3)), 5);
});

describe("mistakes are named with what would be right", () => {
  test.each<[string, () => unknown, string]>([
    [
      "class numbers in a one-hot loss",
      () => losses.categoricalCrossentropy(x(32), x(32, 10)),
      "yTrue is [32], yPred is [32, 10]: categoricalCrossentropy needs one-hot labels\n  hint: use sparseCategoricalCrossentropy",
    ],
    ["one-hot rows in a loss of class numbers", () => losses.sparseCategoricalCrossentropy(x(32, 10), x(32, 10)), "hint: use categoricalCrossentropy for one-hot labels"],
    ["a single class", () => losses.categoricalCrossentropy(x(4, 1), x(4, 1)), "the shares of a single class are always 1\n  hint: use binaryCrossentropy"],
    ["shapes that broadcast", () => new losses.MSELoss().forward(x(5, 1), x(5)), "the prediction is [5, 1], the target [5]; they must be equal\n  hint: reshape the target to [5, 1]"],
    ["shapes that do not", () => losses.meanSquaredError(x(5, 2), x(5, 3)), "yTrue is [5, 2], yPred is [5, 3]; they must be equal"],
    ["a label outside the classes", () => new losses.CrossEntropyLoss().forward(x(2, 3), tensor([0, 3])), "the label at position 1 is 3, outside the 3 classes, which are numbered 0 to 2\n  hint: if the labels count from 1"],
    ["NaN for a label", () => losses.sparseCategoricalCrossentropy(tensor([0, Number.NaN]), x(2, 3)), "the label at position 1 is NaN"],
    ["a fraction for a label", () => losses.sparseCategoricalCrossentropy(tensor([0.5, 1]), x(2, 3)), "the label at position 0 is 0.5; a class is named by a whole number from 0 to 2"],
    ["a target of another shape", () => new losses.CrossEntropyLoss().forward(x(4, 3), x(4, 1)), "the target must be class numbers of shape [4] or shares of each class of shape [4, 3]"],
    ["weights of another number", () => new losses.CrossEntropyLoss({ weight: [1, 2] }).forward(x(4, 3), x(4)), "weight is [2]; it must hold one number for each of the 3 classes"],
    ["an unknown reduction", () => new losses.L1Loss({ reduction: "average" as never }).forward(x(2), x(2)), 'there is no reduction "average"; it is "mean", "sum" or "none"'],
    ["no tensor", () => new losses.L1Loss().forward(ones([1]), 3 as never), "L1Loss: the target must be a tensor, got number"],
    ["an unknown name", () => losses.get("mean_squard_error"), 'there is no loss "mean_squard_error"\n  hint: did you mean "meanSquaredError"?'],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
