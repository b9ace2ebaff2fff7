import { describe, expect, test } from "vitest";
import { CambiumError, initializers, layers, nn, regularizers, seed, Sequential, sequential, tensor, zeros } from "../src/index.ts";
import { casesOf } from "./parity.ts";

/** The message of the error that `f` throws. */
function complaint(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    expect(error).toBeInstanceOf(CambiumError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

const cnn = (): Sequential =>
  sequential([
    layers.conv2d(32, [3, 3], { activation: "relu", inputShape: [28, 28, 1] }),
    layers.maxPooling2d([2, 2]),
    layers.conv2d(64, [3, 3], { activation: "relu" }),
    layers.maxPooling2d([2, 2]),
    layers.flatten(),
    layers.dense(128, { activation: "relu" }),
    layers.dropout(0.5),
    layers.dense(10, { activation: "softmax" }),
  ]);

const programs: Record<string, () => Sequential> = {
  P1: cnn,
  P2: () => sequential([layers.flatten({ inputShape: [28, 28] }), layers.dense(128, { activation: "relu" }), layers.dense(10, { activation: "softmax" })]),
  P5: () =>
    sequential([
      layers.conv2d(32, [3, 3], { activation: "relu", inputShape: [28, 28, 1] }),
      layers.maxPooling2d([2, 2]),
      layers.conv2d(64, [3, 3], { activation: "relu" }),
      layers.maxPooling2d([2, 2]),
      layers.flatten(),
      layers.dense(10, { activation: "softmax" }),
    ]),
};

describe("sizes", () => {
  interface Sizes {
    name: string;
    parameters: number;
    layers: { kind: string; output: (number | null)[]; parameters: number }[];
  }
  for (const { name, parameters, layers: rows } of casesOf<Sizes>("keras/fit").filter(({ name }) => name in programs))
    test(`${name} has the layers, shapes and ${parameters} parameters that Keras counts`, () => {
      const model = programs[name]!();
      expect(model.countParams()).toBe(parameters);
      expect(model.layers.map((layer) => (layer as layers.Layer).className)).toEqual(rows.map(({ kind }) => kind));
      expect(model.layers.map((layer) => (layer as layers.Layer).outputShape)).toEqual(rows.map(({ output }) => output.slice(1)));
      expect(model.layers.map((layer) => (layer as layers.Layer).countParams())).toEqual(rows.map(({ parameters }) => parameters));
    });

  test("summary prints Keras' table", () => {
    const lines: string[] = [];
    const model = sequential([
      layers.dense(4, { inputShape: [3], name: "first" }),
      layers.batchNormalization({ name: "norm" }),
      layers.dense(1000, { name: "wide" }),
    ]);
    expect(model.summary({ print: (line) => lines.push(line) })).toBeUndefined();
    expect(lines).toEqual([
      `Model: "${model.name}"`,
      "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓",
      "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃",
      "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩",
      "│ first (Dense)                   │ (None, 4)              │            16 │",
      "├─────────────────────────────────┼────────────────────────┼───────────────┤",
      "│ norm (BatchNormalization)       │ (None, 4)              │            16 │",
      "├─────────────────────────────────┼────────────────────────┼───────────────┤",
      "│ wide (Dense)                    │ (None, 1000)           │         5,000 │",
      "└─────────────────────────────────┴────────────────────────┴───────────────┘",
      " Total params: 5,032 (19.66 KB)",
      " Trainable params: 5,024 (19.63 KB)",
      " Non-trainable params: 8 (32.00 B)",
    ]);
  });

  test("frozen layers count as non-trainable", () => {
    const lines: string[] = [];
    const model = sequential([layers.dense(2, { inputShape: [3], trainable: false }), layers.dense(2)]);
    model.summary({ print: (line) => lines.push(line) });
    expect(lines.at(-1)).toBe(" Non-trainable params: 8 (32.00 B)");
  });
});

describe("naming and making", () => {
  test("layers are named as Keras names them", () => {
    const a = layers.maxPooling2d();
    const b = layers.maxPooling2d();
    const number = (name: string): number => Number(/_(\d+)$/.exec(name)?.[1] ?? 0);
    expect(a.name).toMatch(/^max_pooling2d(_\d+)?$/);
    expect(number(b.name)).toBe(number(a.name) + 1);
    for (const [layer, name] of [
      [layers.globalAveragePooling2d(), "global_average_pooling2d"],
      [layers.batchNormalization(), "batch_normalization"],
      [layers.conv2d(1, 1), "conv2d"],
      [layers.dense(1), "dense"],
    ] as const)
      expect(layer.name).toMatch(new RegExp(`^${name}(_\\d+)?$`));
  });

  test("all options may come in one object, as in TensorFlow.js", () => {
    const model = sequential({
      layers: [
        layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1] }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.flatten(),
        layers.dropout({ rate: 0.2 }),
        layers.dense({ units: 3, activation: "softmax" }),
      ],
      name: "mine",
    });
    expect(model.name).toBe("mine");
    expect(model.outputShape).toEqual([3]);
  });

  test("a model without inputShape is built by its first batch", () => {
    const model = sequential([layers.dense(4, { activation: "relu" }), layers.dense(2)]);
    expect(model.built).toBe(false);
    expect(model.forward(zeros([5, 3])).shape).toEqual([5, 2]);
    expect(model.countParams()).toBe(3 * 4 + 4 + 4 * 2 + 2);
  });

  test("layers are added and taken away one by one", () => {
    const model = sequential();
    model.add(layers.inputLayer({ inputShape: [6] }));
    model.add(layers.dense(4));
    model.add(layers.dense(2));
    expect(model.outputShape).toEqual([2]);
    model.pop();
    expect(model.outputShape).toEqual([4]);
    expect(model.layers.length).toBe(2);
  });

  test("models may stand in models", () => {
    const inner = sequential([layers.dense(4, { activation: "relu" }), layers.dense(3)]);
    const model = sequential([layers.inputLayer({ inputShape: [6] }), inner, layers.dense(2)]);
    expect(model.outputShape).toEqual([2]);
    expect(model.countParams()).toBe(28 + 15 + 8);
    expect(model.getWeights().length).toBe(6);
  });

  test("modules of PyTorch's face may stand among layers, and learn", async () => {
    const model = sequential([new nn.Linear(3, 8), new nn.ReLU(), layers.dense(2, { activation: "softmax" })]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
    const x = Array.from({ length: 20 }, (_, i) => [Math.sin(i), Math.cos(i), 1]);
    const { history } = await model.fit(
      x,
      x.map(([a]) => Number(a! > 0)),
      { epochs: 20, verbose: 0 },
    );
    expect(history["loss"]!.at(-1)).toBeLessThan(history["loss"]![0]!);
    expect(model.countParams()).toBe(32 + 18);
    expect(model instanceof nn.Module).toBe(true);
  });

  test("weights go out and in, in Keras' order", () => {
    const layer = layers.dense(2, { inputShape: [3] });
    layer.build([3]);
    layer.setWeights([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [0.5, -0.5],
    ]);
    expect(layer.forward(tensor([[1, 1, 1]])).arraySync()).toEqual([[9.5, 11.5]]);
    expect(layer.getWeights().map((w) => w.arraySync())).toEqual([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [0.5, -0.5],
    ]);
  });

  test("initializers come by name, as a function, or made with options", () => {
    for (const kernelInitializer of ["ones", "Ones", initializers.ones(), initializers.constant({ value: 1 })]) {
      const layer = layers.dense(1, { kernelInitializer, biasInitializer: "zeros" });
      expect(layer.forward(tensor([[1, 2, 3]])).item()).toBe(6);
    }
  });

  test("one seed makes equal models", () => {
    seed(5);
    const a = cnn().getWeights();
    seed(5);
    const b = cnn().getWeights();
    a.forEach((weight, i) => expect(weight.dataSync()).toEqual(b[i]!.dataSync()));
  });

  test("regularizers add up what weights cost", () => {
    const weights = tensor([[3, -4]]);
    expect(regularizers.l1(0.1)(weights).item()).toBeCloseTo(0.7);
    expect(regularizers.l2(0.1)(weights).item()).toBeCloseTo(2.5);
    expect(regularizers.l1l2({ l1: 0.1, l2: 0.1 })(weights).item()).toBeCloseTo(3.2);
    const layer = layers.dense(2, { kernelRegularizer: "l2", biasRegularizer: regularizers.l1(1), kernelInitializer: "ones", biasInitializer: "ones" });
    layer.build([3]);
    expect(layer.penalties().map((p) => p.item())).toEqual([expect.closeTo(0.06), expect.closeTo(2)]);
  });

  test("an architecture survives as plain data", () => {
    const model = sequential([
      layers.conv2d(4, 3, { activation: "relu", padding: "same", inputShape: [8, 8, 1], kernelRegularizer: regularizers.l2(0.01) }),
      layers.batchNormalization(),
      layers.averagePooling2d(2),
      layers.reshape([64]),
      layers.layerNormalization(),
      layers.leakyRelu(),
      layers.dropout(0.3),
      layers.dense(3, { activation: "softmax", kernelInitializer: initializers.heNormal() }),
    ]);
    const config = JSON.parse(JSON.stringify(model.getConfig()));
    const again = Sequential.fromConfig("test", config);
    again.setWeights(model.getWeights());
    expect(JSON.parse(JSON.stringify(again.getConfig()))).toEqual(config);
    const x = tensor(Array.from({ length: 64 }, (_, i) => Math.sin(i))).reshape([1, 8, 8, 1]);
    expect(again.eval().forward(x).dataSync()).toEqual(model.eval().forward(x).dataSync());
  });
});

describe("mistakes are named with what would be right", () => {
  test("an activation that there is none of", () => {
    expect(complaint(() => layers.dense(3, { activation: "rleu" }))).toMatch(/there is no activation "rleu"\n {2}hint: did you mean "relu"\?/);
  });

  test("Keras' short words and class names are understood", () => {
    for (const kernelInitializer of ["zero", "one", "normal", "uniform", "OrthogonalInitializer", "he_normal", "HeNormal"])
      expect(layers.dense(3, { kernelInitializer }).build([2])).toEqual([3]);
    expect(layers.dense(3, { kernelRegularizer: "OrthogonalRegularizer" }).build([2])).toEqual([3]);
  });

  test("an initializer, a regularizer, a padding that there is none of", () => {
    expect(complaint(() => layers.dense(3, { kernelInitializer: "glorotUnifrom" }).build([2]))).toContain('"glorotUnifrom"');
    expect(complaint(() => layers.dense(3, { kernelRegularizer: "l3" }).build([2]))).toContain('there is no regularizer "l3"');
    expect(complaint(() => layers.conv2d(3, 3, { padding: "full" as "same" }))).toContain('there is no padding "full"; it is "valid" or "same"');
  });

  test("wide rows given to flatten({ inputShape: [28, 28] })", () => {
    const model = programs["P2"]!();
    const message = complaint(() => model.forward(zeros([32, 784])));
    expect(message).toContain("expects samples of [28, 28], got [784] (a batch of [32, 784])");
    expect(message).toContain("hint: the sizes agree: x.reshape([-1, 28, 28])");
  });

  test("a sample without its batch axis", () => {
    expect(complaint(() => programs["P2"]!().forward(zeros([28, 28])))).toContain("the batch axis is missing");
  });

  test("layers that do not fit together, at the line that adds the one that does not", () => {
    const model = sequential([layers.dense(10, { inputShape: [4] })]);
    expect(complaint(() => model.add(layers.conv2d(3, 3)))).toContain("expects samples of [height, width, channels], got [10]");
    expect(model.layers.length).toBe(1);
    expect(complaint(() => sequential([layers.conv2d(3, 3, { inputShape: [28, 28] })]))).toContain("give it a channel axis: x.reshape([-1, 28, 28, 1])");
    expect(complaint(() => sequential([layers.conv2d(3, 5, { inputShape: [4, 4, 1] })]))).toContain("the window does not fit");
  });

  test("another number of features than the layer was built for", () => {
    const layer = layers.dense(2);
    layer.forward(zeros([1, 3]));
    expect(complaint(() => layer.forward(zeros([1, 4])))).toContain("expects samples of [3], got [4]");
  });

  test("numbers that make no layer", () => {
    expect(complaint(() => layers.dense(0))).toContain("units must be a whole number from 1, got 0");
    expect(complaint(() => layers.dropout(50))).toContain("rate is 50; it is a chance from 0 to below 1\n  hint: did you mean 0.5?");
    expect(complaint(() => layers.reshape([5]).build([6]))).toContain("samples of [6] hold 6 numbers, which do not make [5]");
    expect(complaint(() => layers.dense(3, { inputShape: [0] }))).toContain("inputShape is [0]");
  });

  test("a model used before it is built", () => {
    const model = sequential([layers.dense(3)]);
    expect(complaint(() => model.summary())).toContain("the model is not built");
    expect(complaint(() => model.countParams())).toContain("give its first layer an inputShape");
    expect(complaint(() => model.setWeights([]))).toContain("the model is not built");
    expect(complaint(() => sequential().forward(zeros([1, 2])))).toContain("the model has no layers");
  });

  test("things that are no layers, and layers twice", () => {
    expect(complaint(() => sequential([layers.flatten as never]))).toContain("is a function, not a layer\n  hint: call it: layers.flatten()");
    const layer = layers.dense(2);
    expect(complaint(() => sequential([layer, layer]))).toContain("is in this model already");
    expect(complaint(() => sequential([layers.dense(2, { name: "a" }), layers.dense(2, { name: "a" })]))).toContain('there is a layer "a" already');
  });

  test("weights that do not fit", () => {
    const layer = layers.dense(2);
    layer.build([3]);
    expect(complaint(() => layer.setWeights([zeros([3, 2])]))).toContain("got 1 weights, this layer has 2: [3, 2], [2]");
    expect(complaint(() => layer.setWeights([zeros([2, 2]), zeros([2])]))).toContain("weight 0 is [3, 2], got [2, 2]");
  });

  test("a layer asked for by a name it does not have", () => {
    const model = sequential([layers.dense(2, { name: "hidden" })]);
    expect(complaint(() => model.getLayer("hiden"))).toContain('did you mean "hidden"?');
  });
});
