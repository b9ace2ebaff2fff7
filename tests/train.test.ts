import { beforeEach, describe, expect, test, vi } from "vitest";
import { CambiumError, layers, losses, optim, optimizers, regularizers, seed, type Sequential, sequential, type Tensor, tensor } from "../src/index.ts";
import { line } from "../src/train/progress.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

/** The message of the error that `f` ends in. */
async function complaint(f: () => unknown): Promise<string> {
  try {
    await f();
  } catch (error) {
    expect(error).toBeInstanceOf(CambiumError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

/** Points of three classes: the class is the largest of three numbers. */
function points(n: number): { x: number[][]; y: number[] } {
  const x = Array.from({ length: n }, (_, i) => [0, 1, 2].map((j) => Math.sin(12.9898 * (3 * i + j) + 78.233) * 2));
  return { x, y: x.map((row) => row.indexOf(Math.max(...row))) };
}

const silent = { verbose: 0 } as const;

function classifier(options: { dropout?: number; optimizer?: string; loss?: string } = {}): Sequential {
  const { dropout, optimizer = "adam", loss = "sparseCategoricalCrossentropy" } = options;
  const model = sequential([
    layers.dense(16, { activation: "relu", inputShape: [3] }),
    ...(dropout === undefined ? [] : [layers.dropout(dropout)]),
    layers.dense(3, { activation: "softmax" }),
  ]);
  model.compile({ optimizer, loss, metrics: ["accuracy"] });
  return model;
}

const numbers = (tensors: readonly Tensor[]): number[][] => tensors.map((t) => [...t.dataSync()]);

beforeEach(() => seed(1));

/** Options whose learning rate may be described as a schedule. */
const withSchedule = (options: Record<string, any>): Record<string, any> => {
  const { kind, ...rest } = typeof options["learningRate"] === "object" ? options["learningRate"] : { kind: undefined };
  return kind ? { ...options, learningRate: optimizers.schedules[kind as "exponentialDecay"](rest) } : options;
};

describe("fit does what Keras' fit does", () => {
  interface Case {
    name: string;
    optimizer: { kind: "adam" | "sgd" | "rmsprop"; options: Record<string, any> };
    loss: string;
    compile: { weightedMetrics?: string[] };
    fit: Record<string, unknown>;
    sampleWeight?: Stored;
    x: Stored;
    y: Stored;
    start: Stored[];
    history: Record<string, number[]>;
    end: Stored[];
    evaluate: number[];
    predictions: Stored;
  }
  for (const c of [...casesOf<Case>("keras/fit").filter((c) => "history" in c), ...casesOf<Case>("keras/accumulation")])
    test(c.name, async () => {
      const model = sequential([layers.dense(8, { activation: "relu", inputShape: [4] }), layers.dense(3, { activation: "softmax" })]);
      model.setWeights(c.start.map((stored) => restore(stored)));
      model.compile({ optimizer: optimizers[c.optimizer.kind](withSchedule(c.optimizer.options)), loss: c.loss, metrics: ["accuracy"], ...c.compile });
      const [x, y] = [restore(c.x), restore(c.y)];
      const sampleWeight = c.sampleWeight && restore(c.sampleWeight);
      const { history } = await model.fit(x, y, { ...c.fit, ...silent, sampleWeight });
      expect(Object.keys(history).sort()).toEqual(Object.keys(c.history).sort());
      for (const [name, values] of Object.entries(c.history))
        values.forEach((value, i) => expect(history[name]![i], `${name} of epoch ${i + 1}`).toBeCloseTo(value, 4));
      model.getWeights().forEach((weight, i) => expectClose(weight, c.end[i]!, `weight ${i}`, 2e-4));
      expectClose((await model.predict(x)).slice([0], [4]), c.predictions, "predictions", 2e-4);
      const evaluated = await model.evaluate(x, y, { batchSize: c.fit["batchSize"] as number });
      expect(evaluated.length).toBe(Object.keys(history).filter((name) => !name.startsWith("val_")).length);
      evaluated.forEach((value, i) => expect(value).toBeCloseTo(c.evaluate[i]!, 4));
    });
});

describe("learning", () => {
  test("a classifier learns, and its history tells", async () => {
    const { x, y } = points(240);
    const model = classifier();
    const { history, epoch } = await model.fit(x, y, { epochs: 30, batchSize: 16, validationSplit: 0.25, ...silent });
    expect(Object.keys(history)).toEqual(["loss", "accuracy", "val_loss", "val_accuracy"]);
    expect(epoch).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(history["accuracy"]!.at(-1)).toBeGreaterThan(0.9);
    const [loss, accuracy] = await model.evaluate(x, y);
    expect(loss).toBeLessThan(0.5);
    expect(accuracy).toBeGreaterThan(0.9);
    expect(await model.evaluate(x, y, { returnDict: true })).toEqual({ loss, accuracy });
    const predicted = (await model.predict(x)).argMax(1).dataSync();
    expect(predicted.filter((p, i) => p === y[i]).length / 240).toBeCloseTo(accuracy!);
  });

  test("labels may be numbers, bytes, floats, one-hot rows or booleans, and inputs of any kind", async () => {
    const { x, y } = points(40);
    const oneHot = y.map((label) => [0, 1, 2].map((i) => Number(i === label)));
    const flat = Float32Array.from(x.flat());
    const run = async (
      x: Parameters<Sequential["fit"]>[0],
      y: Parameters<Sequential["fit"]>[1],
      loss = "sparseCategoricalCrossentropy",
    ): Promise<Record<string, number[]>> => {
      seed(3);
      return (await classifier({ loss }).fit(x, y, { epochs: 2, ...silent })).history;
    };
    const expected = await run(x, y);
    for (const labels of [tensor(y, { dtype: "int32" }), Uint8Array.from(y), Float64Array.from(y), tensor(y).reshape([40, 1])])
      expect(await run(x, labels)).toEqual(expected);
    for (const inputs of [tensor(x), flat, x.map((row) => Float64Array.from(row))]) expect(await run(inputs as never, y)).toEqual(expected);
    for (const labels of [oneHot, oneHot.map((row) => row.map(Boolean)), tensor(oneHot, { dtype: "uint8" })]) {
      const found = await run(x, labels, "categoricalCrossentropy");
      expect(found["accuracy"]).toEqual(expected["accuracy"]);
      found["loss"]!.forEach((loss, i) => expect(loss).toBeCloseTo(expected["loss"]![i]!, 5));
    }
  });

  test("images without a channel axis get one where the model wants it", async () => {
    const model = sequential([layers.conv2d(2, 3, { inputShape: [6, 6, 1] }), layers.flatten(), layers.dense(2, { activation: "softmax" })]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const images = tensor(Array.from({ length: 4 * 36 }, (_, i) => i % 2)).reshape([4, 6, 6]);
    await model.fit(images, [0, 1, 0, 1], silent);
    expect((await model.predict(images)).shape).toEqual([4, 2]);
  });

  test("accuracy of a single output is told from its half", async () => {
    const x = [[-2], [-1], [1], [2]];
    const model = sequential([layers.dense(1, { activation: "sigmoid", inputShape: [1], kernelInitializer: "ones" })]);
    model.compile({ optimizer: "sgd", loss: "binaryCrossentropy", metrics: ["accuracy"] });
    expect((await model.evaluate(x, [0, 0, 1, 0]))[1]).toBe(0.75);
  });

  test("regression takes plain lists of numbers", async () => {
    const x = Array.from({ length: 64 }, (_, i) => i / 32 - 1);
    const model = sequential([layers.dense(1, { inputShape: [1] })]);
    model.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: "mse" });
    const { history } = await model.fit(
      x,
      x.map((v) => 3 * v - 1),
      { epochs: 50, ...silent },
    );
    expect(history["loss"]!.at(-1)).toBeLessThan(1e-3);
    expect(Object.keys(history)).toEqual(["loss"]);
  });

  test("penalties of weights and activities are part of the loss", async () => {
    const make = (regularized: boolean): Sequential => {
      seed(2);
      const extra = regularized ? { kernelRegularizer: regularizers.l2(0.5), activityRegularizer: regularizers.l1(0.25) } : {};
      const model = sequential([layers.dense(2, { inputShape: [3], kernelInitializer: "ones", ...extra })]);
      model.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: "mse" });
      return model;
    };
    const x = [
      [1, 1, 1],
      [2, 2, 2],
    ];
    const y = [
      [0, 0],
      [0, 0],
    ];
    const [plain] = await make(false).evaluate(x, y);
    const [held] = await make(true).evaluate(x, y);
    // 0.5 · 6 weights of 1, and a quarter of the mean over samples of |3|+|3| and |6|+|6|.
    expect(held! - plain!).toBeCloseTo(3 + 0.25 * 9);
  });

  test("the last of the data is what validationSplit examines", async () => {
    const model = sequential([layers.dense(1, { inputShape: [1], kernelInitializer: "zeros" })]);
    model.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: "mse" });
    const y = [0, 0, 0, 0, 0, 0, 0, 0, 3, 3];
    const { history } = await model.fit(y, y, { validationSplit: 0.2, ...silent });
    expect(history).toEqual({ loss: [0], val_loss: [9] });
  });

  test("validationData and validationFreq", async () => {
    const { x, y } = points(32);
    const { history } = await classifier().fit(x, y, { epochs: 4, validationData: [x, y], validationFreq: 2, ...silent });
    expect(history["loss"]!.length).toBe(4);
    expect(history["val_loss"]!.length).toBe(2);
  });

  test("trainOnBatch, testOnBatch and predictOnBatch do one batch", async () => {
    const { x, y } = points(32);
    const model = classifier();
    const before = await model.testOnBatch(x, y);
    expect(await model.trainOnBatch(x, y)).toEqual(before);
    expect((await model.testOnBatch(x, y))[0]).toBeLessThan(before[0]!);
    expect((await model.predictOnBatch(x)).shape).toEqual([32, 3]);
  });

  test("a frozen layer keeps its weights", async () => {
    const { x, y } = points(32);
    const model = sequential([layers.dense(4, { inputShape: [3], trainable: false }), layers.dense(3, { activation: "softmax" })]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const before = numbers(model.getWeights());
    await model.fit(x, y, silent);
    const after = numbers(model.getWeights());
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toEqual(before[2]);
  });

  test("batch normalisation learns its statistics in fit and uses them in predict", async () => {
    const { x, y } = points(64);
    const model = sequential([layers.batchNormalization({ inputShape: [3], momentum: 0.5 }), layers.dense(3, { activation: "softmax" })]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    await model.fit(x, y, { epochs: 2, ...silent });
    const [, , mean] = model.getWeights();
    expect(mean!.dataSync().some((v) => v !== 0)).toBe(true);
    const alone = (await model.predict([x[0]!])).dataSync();
    (await model.predict(x))
      .slice([0], [1])
      .dataSync()
      .forEach((v, i) => expect(v).toBeCloseTo(alone[i]!, 6));
  });
});

describe("the same again", () => {
  const train = async (options: object = {}): Promise<{ history: Record<string, number[]>; weights: number[][] }> => {
    seed(11);
    const { x, y } = points(50);
    const model = classifier({ dropout: 0.3 });
    const { history } = await model.fit(x, y, { epochs: 3, batchSize: 8, validationSplit: 0.2, ...silent, ...options });
    return { history, weights: numbers(model.getWeights()) };
  };

  test("two runs with one seed are equal to the bit", async () => {
    expect(await train()).toEqual(await train());
  });

  test("shuffling gives every epoch an order of its own", async () => {
    const orders: number[][] = [];
    const model = sequential([layers.dense(1, { inputShape: [1], kernelInitializer: "ones" })]);
    model.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: "mae" });
    const x = [0, 1, 2, 3, 4, 5, 6, 7];
    let sum = 0;
    const callbacks = {
      onEpochBegin: () => {
        orders.push([]);
        sum = 0;
      },
      onBatchEnd: (batch: number, logs: Record<string, number>) => {
        const total = logs["loss"]! * (batch + 1);
        orders.at(-1)!.push(Math.round(total - sum));
        sum = total;
      },
    };
    await model.fit(
      x,
      x.map(() => 0),
      { epochs: 3, batchSize: 1, callbacks, ...silent },
    );
    await model.fit(
      x,
      x.map(() => 0),
      { batchSize: 1, callbacks, shuffle: false, ...silent },
    );
    for (const order of orders) expect([...order].sort()).toEqual(x);
    expect(new Set(orders.map(String)).size).toBe(4);
    expect(orders[3]).toEqual(x);
  });

  test("fit does what the seven steps do by hand, to the bit", async () => {
    const { x, y } = points(48);
    const [xs, ys] = [tensor(x), tensor(y)];
    seed(4);
    const model = classifier({ dropout: 0.25 });
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const byHand: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      let sum = 0;
      for (let from = 0; from < 48; from += 16) {
        const loss = losses.sparseCategoricalCrossentropy(ys.slice([from], [from + 16]), model.forward(xs.slice([from], [from + 16]))).mean();
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        sum += loss.item() * 16;
      }
      byHand.push(sum / 48);
    }
    seed(4);
    const fitted = classifier({ dropout: 0.25 });
    fitted.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: "sparseCategoricalCrossentropy" });
    const { history } = await fitted.fit(x, y, { epochs: 3, batchSize: 16, shuffle: false, ...silent });
    expect(history["loss"]).toEqual(byHand);
    expect(numbers(fitted.getWeights())).toEqual(numbers(model.getWeights()));
  });
});

describe("others get their turn", () => {
  test("a timer of 10 ms keeps firing while fit works", async () => {
    const { x, y } = points(2000);
    const model = classifier();
    await model.fit(x, y, { epochs: 1, ...silent });
    const begin = performance.now();
    const untilLater = {
      onEpochEnd: () => {
        model.stopTraining = performance.now() - begin > 400;
      },
    };
    let last = begin;
    let longest = 0;
    let count = 0;
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      count++;
    }, 10);
    await model.fit(x, y, { epochs: 1e6, batchSize: 16, callbacks: untilLater, ...silent });
    clearInterval(timer);
    expect(count).toBeGreaterThan(10);
    expect(longest).toBeLessThan(50);
  });
});

describe("mistakes are named with what would be right", () => {
  const { x, y } = points(12);

  test("a model that is not compiled", async () => {
    const model = sequential([layers.dense(3, { inputShape: [3] })]);
    expect(await complaint(() => model.fit(x, y))).toMatch(/fit: the model is not compiled: .*\n {2}hint: model\.compile\(/);
    expect(await complaint(() => model.evaluate(x, y))).toContain("evaluate: the model is not compiled");
    expect((await model.predict(x)).shape).toEqual([12, 3]);
  });

  test("names there are none of, with the nearest", async () => {
    const model = sequential([layers.dense(3, { inputShape: [3] })]);
    expect(await complaint(() => model.compile({ optimizer: "adma", loss: "mse" }))).toContain('did you mean "adam"?');
    expect(await complaint(() => model.compile({ optimizer: "adam", loss: "categoricalCrosentropy" }))).toContain('did you mean "categoricalCrossentropy"?');
    expect(await complaint(() => model.compile({ optimizer: "adam", loss: "mse", metrics: ["acuracy"] }))).toContain('did you mean "accuracy"?');
    expect(await complaint(() => model.compile({ optimizer: "adam", loss: "mse", metric: ["accuracy"] } as never))).toContain('did you mean "metrics"?');
    expect(await complaint(() => classifier().fit(x, y, { batchsize: 3 } as never))).toContain('there is no option "batchsize"');
    expect(await complaint(() => classifier().fit(x, y, { batch_size: 3 } as never))).toContain('did you mean "batchSize"?');
  });

  test("no data, no labels, unequal lengths", async () => {
    expect(await complaint(() => classifier().fit([], []))).toContain("fit: x is empty");
    expect(await complaint(() => classifier().fit(x, []))).toContain("fit: y is empty");
    expect(await complaint(() => classifier().fit(x, undefined as never))).toContain("y, the labels, is missing");
    expect(await complaint(() => classifier().fit(x, y.slice(1)))).toContain("x has 12 samples, y has 11");
    expect(await complaint(() => classifier().evaluate(x, [...y, 0]))).toContain("evaluate: x has 12 samples, y has 13");
  });

  test("inputs of another size than the model takes", async () => {
    const model = sequential([layers.flatten({ inputShape: [28, 28] }), layers.dense(10, { activation: "softmax" })]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const wide = Array.from({ length: 4 }, () => new Float32Array(784));
    expect(await complaint(() => model.fit(wide as never, [0, 1, 2, 3]))).toMatch(
      /expects samples of \[28, 28\], got \[784\].*\n {2}hint: the sizes agree: x\.reshape\(\[-1, 28, 28\]\)/,
    );
  });

  test("class numbers in a one-hot loss, and the other way round", async () => {
    expect(await complaint(() => classifier({ loss: "categoricalCrossentropy" }).fit(x, y))).toMatch(
      /needs one-hot labels\n {2}hint: use sparseCategoricalCrossentropy/,
    );
    expect(await complaint(() => classifier().fit(x, tensor(y).to("int32").oneHot(3)))).toMatch(/hint: use categoricalCrossentropy for one-hot labels/);
  });

  test("labels outside the classes, broken, or no numbers", async () => {
    expect(await complaint(() => classifier().fit(x, y.with(5, 3)))).toContain(
      "fit: the label at position 5 is 3, outside the 3 classes, which are numbered 0 to 2",
    );
    expect(await complaint(() => classifier().fit(x, y.with(5, -1)))).toContain("is -1, outside the 3 classes");
    expect(await complaint(() => classifier().fit(x, y.with(5, 0.5)))).toContain("is 0.5");
    expect(await complaint(() => classifier().fit(x, y.with(7, Number.NaN)))).toContain("fit: the label at position 7 is NaN");
  });

  test("inputs that are no numbers", async () => {
    const broken = x.with(3, [1, Number.NaN, 2]);
    expect(await complaint(() => classifier().fit(broken, y))).toContain("fit: x holds NaN, first in sample 3");
  });

  test("shares, sizes and weights that make no sense", async () => {
    expect(await complaint(() => classifier().fit(x, y, { validationSplit: 20 }))).toContain("did you mean 0.2?");
    expect(await complaint(() => classifier().fit(x, y, { validationSplit: 0.99 }))).toContain("one of the parts would be empty");
    expect(await complaint(() => classifier().fit(x, y, { batchSize: 0 }))).toContain("batchSize is 0; it is a whole number from 1");
    expect(await complaint(() => classifier().fit(x, y, { epochs: 1.5 }))).toContain("epochs is 1.5");
    expect(await complaint(() => classifier().fit(x, y, { sampleWeight: [1, 2] }))).toContain("sampleWeight has 2");
    expect(await complaint(() => classifier().fit(x, y, { classWeight: { cat: 1 } as never }))).toContain("classWeight maps cat to 1");
    expect(await complaint(() => classifier().fit(x, y, { callbacks: [undefined as never] }))).toContain("which is no callback");
  });

  test("bytes are learnt from, with one hint about their scale", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      const bytes = tensor(
        Array.from({ length: 8 * 64 }, (_, i) => (i * 37) % 256),
        { dtype: "uint8" },
      ).reshape([8, 8, 8]);
      const model = sequential([layers.flatten({ inputShape: [8, 8] }), layers.dense(2, { activation: "softmax" })]);
      model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
      const labels = [0, 1, 0, 1, 0, 1, 0, 1];
      await model.fit(bytes, labels, { epochs: 2, ...silent });
      await model.fit(bytes, labels, silent);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn.mock.calls[0]![0]).toContain("hint: divide them by 255: x.div(255)");
      warn.mockClear();
      const scaled = sequential([layers.flatten({ inputShape: [8, 8] }), layers.dense(2, { activation: "softmax" })]);
      scaled.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
      await scaled.fit(bytes.div(255), labels, silent);
      expect(warn).not.toHaveBeenCalled();
    } finally {
      warn.mockRestore();
    }
  });
});

describe("the bar", () => {
  const stand = { done: 832, steps: 1688, seconds: 2, speed: 13312, logs: { loss: 0.43218, accuracy: 0.87654, tiny: 0.00012345 } };

  test("shows steps, remaining time, speed, loss and metrics", () => {
    expect(line(stand, 200)).toBe(" 832/1688  ━━━━━━━━━───────────  2.1s left  13,312 samples/s  loss: 0.4322  accuracy: 0.8765  tiny: 1.2345e-4");
  });

  test("fits narrow terminals", () => {
    for (const columns of [120, 90, 70, 40, 20, 5]) expect(line(stand, columns).length).toBeLessThan(columns);
    expect(line(stand, 60)).toContain("loss");
  });
});
