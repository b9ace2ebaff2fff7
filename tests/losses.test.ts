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

test("classes may be on any axis", () => {
  const scores = tensor([[[1, 2], [0, 5], [3, 1]]]);
  const last = scores.moveAxis(1, 2);
  const numbers = tensor([[2, 0]]);
  const hot = numbers.to("int32").oneHot(3);
  const wanted = [...losses.sparseCategoricalCrossentropy(numbers, last, { fromLogits: true }).dataSync()];
  expect([...losses.sparseCategoricalCrossentropy(numbers, scores, { fromLogits: true, axis: 1 }).dataSync()]).toEqual(wanted);
  expect([...losses.categoricalCrossentropy(hot.moveAxis(2, 1), scores, { fromLogits: true, axis: 1 }).dataSync()]).toEqual(wanted);
  const bits = losses.binaryCrossentropy(hot, last, { fromLogits: true });
  expect([...losses.binaryCrossentropy(hot.moveAxis(2, 1), scores, { fromLogits: true, axis: 1 }).dataSync()]).toEqual([...bits.dataSync()]);
});

test("an impossible alignment costs infinitely much, and leaves no NaN behind", () => {
  const scores = tensor([[[0, 1, 2]], [[1, 0, 0]]], { requiresGrad: true });
  const loss = losses.functional.ctcLoss(scores.logSoftmax(-1), tensor([[1, 1]]), [2], [2]);
  loss.backward();
  expect(loss.item()).toBe(Infinity);
  expect([...scores.grad!.dataSync()].every((v) => v === 0)).toBe(true);
});

test("a loss keeps its reduction, by name, function and object", () => {
  const [t, p] = [tensor([[1], [2]]), tensor([[2], [4]])];
  expect(losses.meanSquaredError(t, p, { reduction: "sum" }).item()).toBe(5);
  expect(losses.meanSquaredError({ reduction: "mean" })(t, p).item()).toBe(2.5);
  expect([...losses.get("mse")(t, p).dataSync()]).toEqual([1, 4]);
  expect(losses.costOf(losses.meanSquaredError({ reduction: "sum" }), t, p, tensor([1, 3])).item()).toBe(13);
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
    ["a reduction Keras has not", () => losses.huber(x(2), x(2), { reduction: "average" as never }), 'there is no reduction "average"; it is "sumOverBatchSize", "sum" or "none"'],
    ["no variance", () => new losses.GaussianNLLLoss().forward(x(2), x(2), undefined as never), "GaussianNLLLoss: the variance must be a tensor, got undefined"],
    ["a variance of another shape", () => losses.functional.gaussianNllLoss(x(2, 3), x(2, 3), x(3, 2)), "the prediction is [2, 3], the variance [3, 2]; it must be equal, or one number a row"],
    ["a power of three", () => losses.functional.multiMarginLoss(x(2, 3), x(2), { p: 3 }), "p is 3; it is 1 or 2"],
    ["labels that do not fit", () => losses.functional.multiMarginLoss(x(2, 3), x(3)), "the prediction is [2, 3], the target [3]"],
    ["a target that is no number a row", () => losses.functional.cosineEmbeddingLoss(x(2, 3), x(2, 3), x(2, 3)), "the inputs are [2, 3], the target [2, 3]; it must have one number a row"],
    ["no margin for triplets", () => losses.functional.tripletMarginLoss(x(2, 3), x(2, 3), x(2, 3), { margin: 0 }), "margin is 0; it is a distance above 0"],
    ["no temperature", () => losses.functional.infoNceLoss(x(2, 3), x(2, 3), { temperature: 0 }), "temperature is 0; it is a number above 0"],
    ["a negative gamma", () => losses.functional.sigmoidFocalLoss(x(2), x(2), { gamma: -1 }), "gamma is -1; it is a number from 0"],
    ["an input without time", () => losses.functional.ctcLoss(x(3), x(1, 1), [1], [1]), "the input is [3]; it must be [time, batch, classes]"],
    ["lengths of another batch", () => losses.functional.ctcLoss(x(4, 2, 3), x(2, 1), [4], [1, 1]), "the batch is 2; there are 1 input lengths and 2 target lengths"],
    ["an input that is too short", () => losses.functional.ctcLoss(x(4, 1, 3), x(1, 1), [5], [1]), "an input length is 5; the input has 4 steps"],
    ["targets of another length", () => losses.functional.ctcLoss(x(4, 2, 3), x(3), [4, 4], [1, 1]), "the targets are 3 labels, the target lengths add up to 2"],
    ["a blank outside the classes", () => losses.functional.ctcLoss(x(4, 1, 3), x(1, 1), [4], [1], { blank: 3 }), "blank is 3, outside the 3 classes"],
    ["an input without steps", () => losses.functional.ctcLoss(x(0, 1, 3), x(1, 1), [0], [1]), "the input has no steps"],
    ["shapes for Keras' ctc", () => losses.ctc(x(2), x(2, 3)), "they must be [batch, longest] and [batch, time, classes]"],
    ["a q outside", () => losses.categoricalGeneralizedCrossEntropy(x(2), x(2, 3), { q: 1 }), "q is 1; it is between 0 and 1"],
    ["labels of another shape for it", () => losses.categoricalGeneralizedCrossEntropy(x(3), x(2, 3)), "yTrue must be [2]"],
    ["an unknown name", () => losses.get("mean_squard_error"), 'there is no loss "mean_squard_error"\n  hint: did you mean "meanSquaredError"?'],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
});
