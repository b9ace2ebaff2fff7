import { beforeAll, describe, expect, test } from "vitest";
import { CambiumError, compile, input, layers, loadModel, losses, Model, model, nn, optim, seed, sequential, tensor, type Tensor, uniform } from "../src/node.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Layer } from "../src/layers/layer.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { optimizers } from "../src/optim/keras.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

beforeAll(() => setEngine(referenceEngine()));

interface MergeCase {
  name: string;
  merge?: { kind: string; options: Record<string, unknown> };
  inputs: Stored[];
  output: Stored;
  outputGradient: Stored;
  gradients: Stored[];
}

interface FitCase {
  name: string;
  compile: { loss: string[] | Record<string, string>; metrics?: string[][] | Record<string, string[]>; lossWeights?: number[] };
  fit: { epochs: number; batchSize: number; shuffle: boolean; validationSplit?: number };
  sampleWeight?: Record<string, Stored>;
  x: Record<string, Stored>;
  y: Record<string, Stored>;
  parameters: number;
  start: Stored[];
  end: Stored[];
  history: Record<string, number[]>;
  evaluate: Record<string, number>;
  predictions: Stored[];
}

const stored = casesOf<MergeCase | FitCase>("keras/models");
const silent = { verbose: 0 } as const;
const restored = (named: Record<string, Stored>): Record<string, Tensor> => Object.fromEntries(Object.entries(named).map(([name, one]) => [name, restore(one)]));
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());

describe("merge layers: outputs and gradients are Keras'", () => {
  const makers = layers as unknown as Record<string, (options: object) => Layer>;
  for (const c of stored.filter((c): c is MergeCase => "merge" in c))
    test(c.name, () => {
      const inputs = c.inputs.map((one) => restore(one, true));
      const output = makers[c.merge!.kind]!(c.merge!.options).forward(inputs);
      output.mul(restore(c.outputGradient)).sum().backward();
      expectClose(output, c.output, "output");
      c.gradients.forEach((one, i) => expectClose(inputs[i]!.grad!, one, `gradient of input ${i}`));
    });
});

/** The model of the stored trainings: two inputs, two results, a shared layer and a model within. */
function two(): ReturnType<typeof model> {
  const [a, b] = [input({ shape: [4], name: "a" }), input({ shape: [4], name: "b" })];
  const shared = layers.dense(5, { activation: "relu", name: "shared" });
  const begin = input({ shape: [5] });
  const inner = model({ inputs: begin, outputs: layers.dense(5, { activation: "tanh", name: "within" }).apply(begin), name: "inner" });
  const [left, right] = [shared.apply(a), shared.apply(b)];
  const joined = layers.concatenate().apply([inner.apply(left), inner.apply(right), layers.multiply().apply([left, right])]);
  const p = layers.dense(3, { activation: "softmax", name: "p" }).apply(joined);
  const q = layers.dense(1, { name: "q" }).apply(layers.subtract().apply([left, right]));
  return model({ inputs: [a, b], outputs: [p, q] });
}

describe("training a model with two inputs and two outputs gives Keras' numbers:", () => {
  for (const c of stored.filter((c): c is FitCase => "history" in c))
    test(c.name, async () => {
      const m = two();
      expect(m.countParams()).toBe(c.parameters);
      m.setWeights(c.start.map((one) => restore(one)));
      const [x, y] = [restored(c.x), restored(c.y)];
      const named = (losses: string[] | Record<string, string>): never => (Array.isArray(losses) ? losses.map(camel) : Object.fromEntries(Object.entries(losses).map(([k, v]) => [k, camel(v)]))) as never;
      m.compile({ ...c.compile, optimizer: optimizer(), loss: named(c.compile.loss) } as never);
      const { history } = await m.fit(x, y, { ...c.fit, ...(c.sampleWeight && { sampleWeight: restored(c.sampleWeight) }), ...silent });
      // Keras' loss of one output is a mean over batches; ours, as the whole loss, is one over samples.
      for (const [name, values] of Object.entries(c.history).filter(([name]) => !/[pq]_loss$/.test(name)))
        values.forEach((value, epoch) => expect(history[name]![epoch], `${name} of epoch ${epoch}`).toBeCloseTo(value, 4));
      expect(Object.keys(history).sort()).toEqual(Object.keys(c.history).sort());
      m.getWeights().forEach((weight, i) => expectClose(weight, c.end[i]!, `weight ${i}`, 2e-4));
      const found = await m.evaluate(x, y, { batchSize: 24, returnDict: true });
      for (const [name, value] of Object.entries(c.evaluate).filter(([name]) => !/[pq]_loss$/.test(name))) expect(found[name], name).toBeCloseTo(value, 4);
      const predictions = await m.predict<Tensor[]>(Object.values(x).map((rows) => rows.slice([0], [4])));
      predictions.forEach((one, i) => expectClose(one, c.predictions[i]!, `prediction ${i}`, 5e-4));
    });
  const optimizer = (): never => optimizers.adam({ learningRate: 0.02 }) as never;
});


/** x → dense → (skip + dense) → dense. */
function residual(): ReturnType<typeof model> {
  seed(4);
  const x = input({ shape: [3] });
  const h = layers.dense(4, { activation: "relu", name: "first" }).apply(x);
  return model({ inputs: x, outputs: layers.dense(2, { name: "last" }).apply(h.add(layers.dense(4).apply(h).mul(0.5))) });
}

const data = (): [Tensor, Tensor] => [uniform([12, 3]), uniform([12, 2])];

describe("models of symbolic tensors", () => {
  test("print a table that says what is connected to what", () => {
    const lines: string[] = [];
    residual().summary({ print: (line) => lines.push(line) });
    const text = lines.join("\n");
    expect(text).toMatch(/Connected to/);
    expect(text).toMatch(/operation\S* \(Operation\) .* \(None, 4\) .* first, operation/);
    expect(text).toContain("Total params: 46");
  });

  test("are saved and loaded, and go on training to the bit", async () => {
    const m = residual();
    m.compile({ optimizer: "adam", loss: "meanSquaredError" });
    const [x, y] = data();
    await m.fit(x, y, { epochs: 2, batchSize: 5, ...silent });
    const again = await loadModel(await m.toBytes());
    for (const one of [m, again]) await one.fit(x, y, { epochs: 4, initialEpoch: 2, batchSize: 5, ...silent });
    expect([...(await again.predict(x)).dataSync()]).toEqual([...(await m.predict(x)).dataSync()]);
    const both = await loadModel(await twoCompiled().toBytes());
    expect(both.outputNames).toEqual(["p", "q"]);
    expect(both.countParams()).toBe(109);
  });

  test("hand out what a layer makes, share its weights, and stand within other models", async () => {
    const m = residual();
    const features = model({ inputs: m.inputs, outputs: m.outputOf("first") });
    const x = tensor([[1, -1, 2]]);
    expect(features.forward(x).shape).toEqual([1, 4]);
    m.getLayer("first").parameters()[0]!.assign(tensor(new Float32Array(12)).reshape([3, 4]));
    expect([...features.forward(x).dataSync()]).toEqual([0, 0, 0, 0]);
    const whole = sequential([layers.input({ shape: [3] }), features, layers.dense(1)]);
    expect(whole.forward(x).shape).toEqual([1, 1]);
    const again = await loadModel(await whole.toBytes());
    expect([...again.forward(x).dataSync()]).toEqual([...whole.forward(x).dataSync()]);
  });

  test("take records, and give them", async () => {
    const [a, b] = [input({ shape: [2] }), input({ shape: [2] })];
    const m = model({ inputs: { left: a, right: b }, outputs: { sum: layers.add().apply([a, b]), difference: a.sub(b) } });
    const given = { right: tensor([[1, 2]]), left: tensor([[5, 5]]) };
    const { sum, difference } = await m.predict<Record<string, Tensor>>(given);
    expect([[...sum!.dataSync()], [...difference!.dataSync()]]).toEqual([[6, 7], [4, 3]]);
    expect(Object.keys(m.forward(given))).toEqual(["sum", "difference"]);
  });

  test("freeze their layers", async () => {
    const m = residual();
    (m.getLayer("first") as Layer).trainable = false;
    const before = m.getWeights().map((w) => [...w.dataSync()]);
    m.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    await m.fit(...data(), { epochs: 1, ...silent });
    const after = m.getWeights().map((w) => [...w.dataSync()]);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after.at(-1)).not.toEqual(before.at(-1));
  });
});

function twoCompiled(): ReturnType<typeof model> {
  const m = two();
  m.compile({ optimizer: "adam", loss: { p: "sparseCategoricalCrossentropy", q: "meanSquaredError" }, lossWeights: { q: 0.5 }, metrics: { p: ["accuracy"] } });
  return m;
}

class Scale extends layers.Layer {
  readonly by: number;
  constructor(options: layers.LayerOptions & { by: number }) {
    super("Scale", options);
    this.by = options.by;
  }
  protected override call(x: Tensor): Tensor {
    return x.mul(this.by);
  }
}

describe("layers of one's own", () => {
  test("are loaded once they are known, and asked for by name before", async () => {
    const m = sequential([layers.dense(2, { inputShape: [2] }), new Scale({ by: 3 })]);
    const bytes = await m.toBytes();
    await expect(loadModel(bytes)).rejects.toThrow(/there is no layer "Scale"[\s\S]*for one of your own: registerLayer\("Scale", \(config\) => new Scale\(config\)\)/);
    layers.registerLayer("Scale", (config) => new Scale(config));
    const x = tensor([[1, 2]]);
    expect([...(await loadModel(bytes)).forward(x).dataSync()]).toEqual([...m.forward(x).dataSync()]);
    expect(() => layers.registerLayer("Dense", (config) => new Scale(config))).toThrow(/there is a layer "Dense" already/);
  });
});

class Classifier extends Model {
  hidden = layers.dense(8, { activation: "relu", kernelRegularizer: "l2" });
  output = new nn.Linear(8, 3);
  override forward(x: Tensor): Tensor {
    return this.output.forward(this.hidden.forward(x));
  }
}

describe("models of one's own", () => {
  test("are fitted, evaluated, asked, summed up, and keep their weights", async () => {
    seed(2);
    const m = new Classifier();
    expect(() => m.summary()).toThrow(/the model is not built/);
    m.compile({ optimizer: optimizers.adam({ learningRate: 0.02 }), loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }), metrics: ["accuracy"] });
    const x = uniform([30, 4]);
    const y = x.argMax(-1).minimum(2);
    const { history } = await m.fit(x, y, { epochs: 60, ...silent });
    expect(history["loss"]!.at(-1)).toBeLessThan(0.75 * history["loss"]![0]!);
    expect((await m.predict(x)).shape).toEqual([30, 3]);
    const lines: string[] = [];
    m.summary({ print: (line) => lines.push(line) });
    expect(lines.join("\n")).toMatch(/Model: "classifier"[\s\S]*dense\S* \(Dense\)[\s\S]*output \(Linear\)[\s\S]*Total params: 67/);
    const other = new Classifier().build([4]);
    other.loadStateDict(m.stateDict());
    expect([...other.forward(x).dataSync()]).toEqual([...m.forward(x).dataSync()]);
    await expect(m.toBytes()).rejects.toThrow(/Classifier is a class of your own, which cannot be written down[\s\S]*model.stateDict\(\)/);
  });

  test("give several results as a record, each with its loss", async () => {
    class Twins extends Model {
      trunk = layers.dense(4, { activation: "tanh" });
      mean = layers.dense(1);
      share = layers.dense(1, { activation: "sigmoid" });
      override forward(x: Tensor): Record<string, Tensor> {
        const h = this.trunk.forward(x);
        return { mean: this.mean.forward(h), share: this.share.forward(h) };
      }
    }
    const m = new Twins();
    m.compile({ optimizer: "sgd", loss: { mean: "meanSquaredError", share: "binaryCrossentropy" } });
    const { history } = await m.fit(uniform([8, 2]), { mean: uniform([8, 1]), share: tensor([[0], [1], [0], [1], [0], [1], [0], [1]]) }, { epochs: 2, ...silent });
    expect(Object.keys(history)).toEqual(["loss", "mean_loss", "share_loss"]);
    expect(history["loss"]![0]).toBeCloseTo(history["mean_loss"]![0]! + history["share_loss"]![0]!, 5);
  });

  test("learn against each other with steps of one's own", () => {
    seed(1);
    const generator = new nn.Linear(2, 1);
    const critic = new nn.Linear(1, 1);
    const [slow, fast] = [new optim.SGD(generator.parameters(), { lr: 0.1 }), new optim.SGD(critic.parameters(), { lr: 0.1 })];
    const judge = compile((real: Tensor, noise: Tensor) => {
      const loss = critic.forward(real).neg().softplus().mean().add(critic.forward(generator.forward(noise).detach()).softplus().mean());
      fast.zeroGrad();
      loss.backward();
      fast.step();
      return loss;
    });
    const forge = compile((noise: Tensor) => {
      const loss = critic.forward(generator.forward(noise)).neg().softplus().mean();
      slow.zeroGrad();
      loss.backward();
      slow.step();
      return loss;
    });
    const before = generator.weight.dataSync().slice();
    for (let i = 0; i < 200; i++) {
      judge(uniform([16, 1], 3, 4), uniform([16, 2]));
      forge(uniform([16, 2]));
    }
    expect(generator.weight.dataSync()).not.toEqual(before);
    expect(generator.forward(uniform([64, 2])).mean().item()).toBeGreaterThan(1.5);
  });
});

describe("data that comes batch by batch", () => {
  const batches = (n: number): [Tensor, Tensor][] => Array.from({ length: n }, (_, i) => [uniform([4, 3]).add(i), uniform([4, 2])]);
  const made = (): ReturnType<typeof model> => {
    const m = residual();
    m.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    return m;
  };

  test("gives what the same data at hand gives", async () => {
    const list = batches(3);
    for (const pair of list) for (const t of pair) t.dataSync();
    const [x, y] = [0, 1].map((k) => list.map((pair) => pair[k]!).reduce((a, b) => tensor([...(a.arraySync() as number[][]), ...(b.arraySync() as number[][])])));
    const [one, other] = [made(), made()];
    const whole = await one.fit(x!, y!, { epochs: 2, batchSize: 4, shuffle: false, ...silent });
    const streamed = await other.fit(new Set(list), { epochs: 2, validationData: new Set(list), ...silent });
    expect(streamed.history["loss"]).toEqual(whole.history["loss"]);
    expect(await other.evaluate(new Set(list))).toEqual(await one.evaluate(x!, y!, { batchSize: 4 }));
    expect(streamed.history["val_loss"]!.length).toBe(2);
  });

  test("may be generated, without end, and with weights", async () => {
    async function* endless(): AsyncGenerator<[Tensor, Tensor, Tensor]> {
      for (;;) yield [uniform([4, 3]), uniform([4, 2]), tensor([1, 0, 1, 2])];
    }
    const { history } = await made().fit(endless(), { epochs: 2, stepsPerEpoch: 3, ...silent });
    expect(history["loss"]!.length).toBe(2);
    let calls = 0;
    const counted = (): [Tensor, Tensor][] => {
      calls++;
      return batches(2);
    };
    const again = await made().fit(counted, { epochs: 2, ...silent });
    expect([again.history["loss"]!.length, calls]).toEqual([2, 2]);
  });

  test("is complained about where it cannot work", async () => {
    const once = function* (): Generator<[Tensor, Tensor]> {
      yield* batches(2);
    };
    await expect(made().fit(once(), { epochs: 2, ...silent })).rejects.toThrow(/the batches have come to an end[\s\S]*give a function that makes one/);
    await expect(made().fit(() => [1] as never, silent)).rejects.toThrow(/batch 0 is no pair \[x, y\]/);
    await expect(made().fit(new Set(batches(1)), { validationSplit: 0.5, ...silent })).rejects.toThrow(/validationSplit does not go with data that yields batches/);
  });
});

test("of several inputs the one with a wrong number is named", async () => {
  const [a, b] = [input({ shape: [2], name: "age" }), input({ shape: [2], name: "height" })];
  const m = model({ inputs: [a, b], outputs: layers.dense(1).apply(layers.add().apply([a, b])) });
  m.compile({ loss: "meanSquaredError" });
  await expect(m.fit([tensor([[1, 2]]), tensor([[1, Number.NaN]])], tensor([[1]]), { verbose: 0 })).rejects.toThrow(/height/);
});

describe("mistakes in graphs of layers are explained:", () => {
  const x = (): layers.SymbolicTensor => input({ shape: [3] });
  const complaint = (f: () => unknown): string => {
    try {
      f();
    } catch (error) {
      expect(error).toBeInstanceOf(CambiumError);
      return (error as Error).message;
    }
    throw new Error("nothing was thrown");
  };
  const mistakes: [what: string, make: () => unknown, message: RegExp][] = [
    ["numbers where a place is wanted", () => layers.dense(2).apply(tensor([[1]]) as never), /input 0 is a Tensor, not a symbolic tensor[\s\S]*for numbers use forward/],
    ["sizes that do not merge", () => layers.add().apply([x(), input({ shape: [2] })]), /shapes \[3\] and \[2\] do not broadcast/],
    ["one input to a merge", () => layers.add().apply(x()), /takes two inputs or more, got 1/],
    ["three inputs to a difference", () => layers.subtract().apply([x(), x(), x()]), /takes two inputs, got 3/],
    ["two inputs to a layer of one", () => layers.dense(2).apply([x(), x()]), /takes one input, got 2/],
    ["pieces that do not join", () => layers.concatenate().apply([input({ shape: [2, 3] }), input({ shape: [4, 3] })]), /samples of \[2, 3\] and \[4, 3\] do not fit along axis -1/],
    ["a product along unequal axes", () => layers.dot({ axes: 1 }).apply([x(), input({ shape: [2] })]), /have 3 and 2 numbers along axes \[1, 1\]/],
    ["an input that is not listed", () => model({ inputs: x(), outputs: layers.dense(1).apply(input({ shape: [3], name: "other" })) }), /outputs depend on input "other", which is not among the model's inputs/],
    ["a layer as an output", () => model({ inputs: x(), outputs: layers.dense(1) as never }), /outputs holds .*which is no symbolic tensor/],
    ["two layers of one name", () => {
      const a = x();
      return model({ inputs: a, outputs: layers.dense(1, { name: "d" }).apply(layers.dense(1, { name: "d" }).apply(a)) });
    }, /two layers are called "d"/],
    ["a layer that is not there", () => residual().getLayer("frist"), /there is no layer "frist"[\s\S]*did you mean "first"/],
    ["a batch of the wrong sizes", () => residual().forward(tensor([[1, 2]])), /expects samples of \[3\], got \[2\]/],
    ["a loss too few", () => {
      const m = two();
      m.compile({ loss: ["meanSquaredError"] });
      return m.compileConfig();
    }, /loss has 1 entries; the model has 2 results: p, q/],
    ["a result there is none of", () => {
      const m = two();
      m.compile({ loss: { p: "meanSquaredError", r: "meanSquaredError" } });
      return m.compileConfig();
    }, /there is no result "r"/],
  ];
  for (const [what, make, message] of mistakes) test(what, () => expect(complaint(make)).toMatch(message));

  test("too little data", async () => {
    const m = twoCompiled();
    const one = uniform([4, 4]);
    await expect(m.fit(one, one, silent)).rejects.toThrow(/x is one tensor; the model has 2: a, b[\s\S]*give a list \[a, b\]/);
    await expect(m.fit({ a: one } as never, [one, one], silent)).rejects.toThrow(/x lacks b/);
    await expect(m.fit({ a: one, b: one, c: one }, [one, one], silent)).rejects.toThrow(/x has "c", which the model has not/);
    await expect(m.fit([one, uniform([5, 4])], [one, one], silent)).rejects.toThrow(/a has 4 samples, b has 5/);
    await expect(m.fit([one, one], [tensor([0, 1, 2, 0]), one.slice([0, 0], [4, 1])], { classWeight: { 0: 2 }, ...silent })).rejects.toThrow(/classWeight is for a model with one result/);
  });
});
