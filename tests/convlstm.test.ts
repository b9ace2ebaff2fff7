import { expect, test } from "vitest";
import * as layers from "../src/layers/index.ts";
import { masked } from "../src/module/mask.ts";
import { loadModel, sequential } from "../src/models/index.ts";
import { ones, stack, tensor, zeros } from "../src/tensor/create.ts";
import { normal, uniform } from "../src/tensor/random.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

const close = (a: Tensor, b: Tensor): void => {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().max().item()).toBeLessThan(1e-5);
};

test("channels first is channels last with its axes moved, masks and states included", () => {
  const [last, first] = [layers.convLstm2d(3, 2, { returnSequences: true, returnState: true }), layers.convLstm2d(3, 2, { returnSequences: true, returnState: true, dataFormat: "channelsFirst" })];
  const x = normal([2, 4, 5, 6, 2]);
  const mask = tensor([[1, 0, 1, 1], [0, 1, 1, 0]]).greater(0);
  const states = [normal([2, 4, 5, 3]), normal([2, 4, 5, 3])];
  last.build([4, 5, 6, 2]);
  first.build([4, 2, 5, 6]);
  first.setWeights(last.getWeights());
  const wanted = last.forward(masked(x, mask), ...states) as unknown as Tensor[];
  const got = first.forward(masked(x.moveAxis(-1, 2), mask), ...states.map((s) => s.moveAxis(-1, 1))) as unknown as Tensor[];
  expect(got.map((y) => y.shape)).toEqual([[2, 4, 3, 4, 5], [2, 3, 4, 5], [2, 3, 4, 5]]);
  got.forEach((y, i) => close(y.moveAxis(i === 0 ? 2 : 1, -1), wanted[i]!));
});

test("dropout chooses once for all steps of a sequence, for each gate by itself, and not in evaluation", () => {
  // A kernel of ones on one place: what a step gives to the gates is what is kept of the input.
  const layer = layers.convLstm1d(1, 1, { dropout: 0.5, useBias: false });
  layer.build([3, 40, 1]);
  layer.setWeights([ones([1, 1, 4]), zeros([1, 1, 4])]);
  const z = layer.train().cell.project(ones([3, 2, 40, 1]));
  const rows = z.split(3, 0);
  close(rows[0]!, rows[1]!);
  close(rows[0]!, rows[2]!);
  expect(new Set(z.dataSync())).toEqual(new Set([0, 2]));
  const gates = z.split(4, -1).map((gate) => [...gate.dataSync()].join());
  expect(new Set(gates).size).toBe(4);
  expect(new Set(layer.eval().cell.project(ones([3, 2, 40, 1])).dataSync())).toEqual(new Set([1]));
});

test("recurrent dropout disturbs training only", () => {
  const layer = layers.convLstm1d(2, 3, { recurrentDropout: 0.5, padding: "same" });
  const x = normal([2, 4, 6, 1]);
  const still = layer.eval().forward(x) as Tensor;
  close(layer.forward(x) as Tensor, still);
  const one = layer.train().forward(x) as Tensor;
  expect(one.sub(still).abs().max().item()).toBeGreaterThan(1e-4);
  expect(one.sub(layer.forward(x) as Tensor).abs().max().item()).toBeGreaterThan(1e-4);
});

test("a stateful layer goes on where the batch before ended, until it is told to forget", () => {
  const layer = layers.convLstm1d(2, 3, { stateful: true, padding: "same" });
  const whole = layers.convLstm1d(2, 3, { padding: "same" });
  const x = normal([2, 6, 5, 1]);
  layer.forward(x.slice([0, 0], [2, 3]));
  layer.resetStates();
  whole.build([6, 5, 1]);
  whole.setWeights(layer.getWeights());
  layer.forward(x.slice([0, 0], [2, 3]));
  close(layer.forward(x.slice([0, 3], [2, 6])) as Tensor, whole.forward(x) as Tensor);
});

test("a network of it learns to say where a square will be, and is saved", async () => {
  // A dot moves one place to the right at each step, around.
  const start = uniform([64], 0, 8).floor();
  const at = (step: number): Tensor => start.add(step).mod(8).to("int32").oneHot(8).to("float32");
  const x = stack([0, 1, 2].map((step) => at(step).reshape([64, 8, 1])), 1);
  const model = sequential([
    layers.convLstm1d(6, 3, { padding: "same", inputShape: [3, 8, 1] }),
    layers.conv1d(1, 3, { padding: "same", activation: "sigmoid" }),
  ]);
  model.compile({ optimizer: "adam", loss: "binaryCrossentropy" });
  model.learningRate = 0.03;
  const y = at(3).reshape([64, 8, 1]);
  const { history } = await model.fit(x, y, { epochs: 30, batchSize: 16, verbose: 0 });
  expect(history["loss"]!.at(-1)!).toBeLessThan(0.3 * history["loss"]![0]!);
  const again = await loadModel(await model.toBytes());
  close(again.forward(x) as Tensor, model.eval().forward(x) as Tensor);
});

test.each([
  ["lstm", (options: object) => layers.lstm(3, options)],
  ["gru", (options: object) => layers.gru(3, options)],
  ["simpleRNN", (options: object) => layers.simpleRNN(3, options)],
  ["convLstm1d", (options: object) => layers.convLstm1d(3, 2, options)],
] as const)("weights of %s are held back as the options say, and so is what comes out", async (kind, make) => {
  const recurrent = make({
    ...{ kernelConstraint: "nonNeg", recurrentConstraint: "unitNorm", biasConstraint: "nonNeg", recurrentRegularizer: "l2", activityRegularizer: "l1", inputShape: kind === "convLstm1d" ? [4, 3, 2] : [4, 2] },
  });
  const model = sequential([recurrent, layers.flatten(), layers.dense(1)]);
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  await model.fit(normal(kind === "convLstm1d" ? [8, 4, 3, 2] : [8, 4, 2]), normal([8, 1]), { epochs: 2, verbose: 0 });
  const [kernel, state, bias] = recurrent.getWeights() as [Tensor, Tensor, Tensor];
  expect(kernel.min().item()).toBeGreaterThanOrEqual(0);
  expect(bias.min().item()).toBeGreaterThanOrEqual(0);
  // Constraints of lengths go over the first axis, as in Keras.
  expect(state.square().sum(0).sqrt().sub(1).abs().max().item()).toBeLessThan(1e-4);
  // The recurrent kernel's, and one of what comes out, not one for the cell too.
  expect(recurrent.penalties().length + (recurrent as layers.RNN).cell.penalties().length).toBe(2);
});

const mistakes: [string, () => unknown, RegExp][] = [
  ["samples without time", () => layers.convLstm2d(2, 3).build([5, 5, 1]), /expects samples of \[time, rows, columns, channels\], got \[5, 5, 1\]/],
  ["samples without time, channels first", () => layers.convLstm1d(2, 3, { dataFormat: "channelsFirst" }).build([5, 1]), /expects samples of \[time, channels, places\], got \[5, 1\]/],
  ["strides beside dilation", () => layers.convLstm1d(2, 3, { strides: 2, dilationRate: 2 }), /strides \[2\] and dilationRate \[2\] are both above 1/],
  ["a certain dropout", () => layers.convLstm1d(2, 3, { dropout: 1 }), /dropout is 1; it is a chance from 0 to below 1/],
  ["no filters", () => layers.convLstm1d(0, 3), /filters must be a whole number from 1, got 0/],
  ["an unknown order", () => layers.convLstm1d(2, 3, { dataFormat: "first" as never }), /there is no dataFormat "first"/],
  ["an unknown padding", () => layers.convLstm1d(2, 3, { padding: "causal" as never }), /there is no padding "causal"/],
  [
    "other channels than before",
    () => {
      const layer = layers.convLstm1d(2, 3);
      layer.build([3, 5, 1]);
      layer.forward(zeros([1, 3, 5, 2]));
    },
    /expects 1 channels, got samples of \[3, 5, 2\]/,
  ],
];
test.each(mistakes)("%s: the mistake is explained", (_, make, message) => expect(make).toThrow(message));
