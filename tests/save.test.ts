import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CambiumError, callbacks, layers, loadModel, optimizers, seed, type Sequential, sequential, type Tensor } from "../src/index.ts";

const silent = { verbose: 0 } as const;
const x = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(5 * i)]);
const y = x.map((row) => row.indexOf(Math.max(...row)));
const numbers = (tensors: readonly Tensor[]): number[][] => tensors.map((t) => [...t.dataSync()]);

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "cambium-"))));
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => seed(1));

/** Everything that has a state: dropout, batch statistics, moments, a schedule. */
function classifier(): Sequential {
  const model = sequential([
    layers.dense(8, { activation: "relu", inputShape: [3], kernelRegularizer: "l2" }),
    layers.batchNormalization(),
    layers.dropout(0.3),
    layers.dense(3, { activation: "softmax" }),
  ]);
  model.compile({ optimizer: optimizers.adam({ learningRate: 0.01 }), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

async function complaint(f: () => unknown): Promise<CambiumError> {
  try {
    await f();
  } catch (error) {
    expect(error).toBeInstanceOf(CambiumError);
    return error as CambiumError;
  }
  throw new Error("nothing was thrown");
}

describe("save and loadModel", () => {
  for (const name of ["model", "model.safetensors"])
    test(`a ${name.includes(".") ? "file" : "folder"} brings back architecture, weights and how the model learns`, async () => {
      const model = classifier();
      await model.fit(x, y, { epochs: 2, ...silent });
      await model.save(join(folder, name));
      const again = await loadModel(join(folder, name));
      expect(again.layers.map((layer) => (layer as layers.Layer).name)).toEqual(model.layers.map((layer) => (layer as layers.Layer).name));
      expect(numbers(again.getWeights())).toEqual(numbers(model.getWeights()));
      expect(await again.evaluate(x, y)).toEqual(await model.evaluate(x, y));
      expect((await again.predict(x)).dataSync()).toEqual((await model.predict(x)).dataSync());
      expect(again.learningRate).toBe(0.01);
    });

  test("bytes do for places without files", async () => {
    const model = classifier();
    const again = await loadModel(await model.toBytes());
    expect(numbers(again.getWeights())).toEqual(numbers(model.getWeights()));
  });

  test("a model that was never compiled comes back uncompiled", async () => {
    const model = sequential([layers.dense(2, { inputShape: [3] })]);
    const again = await loadModel(await model.toBytes());
    expect(again.forward(model.getWeights()[0]!.transpose()).shape).toEqual([2, 2]);
    expect((await complaint(() => again.fit(x, y))).message).toContain("is not compiled");
  });

  test("saving again replaces the model, and leaves no other files", async () => {
    const path = join(folder, "twice");
    const model = classifier();
    for (let i = 0; i < 3; i++) {
      await model.fit(x, y, silent);
      await model.save(path);
      expect((await readdir(path)).length).toBe(2);
      expect(numbers((await loadModel(path)).getWeights())).toEqual(numbers(model.getWeights()));
    }
  });

  test("weights are readable to everybody: plain safetensors beside plain JSON", async () => {
    const path = join(folder, "open");
    await classifier().save(path);
    const description = JSON.parse(await readFile(join(path, "model.json"), "utf8"));
    expect(description.config.layers[0]).toMatchObject({ className: "Dense", config: { units: 8, activation: "relu", inputShape: [3] } });
    expect(description.training).toMatchObject({ goals: [{ loss: { name: "sparseCategoricalCrossentropy" } }], epochs: 0 });
    const header = (await readFile(join(path, description.weights))).subarray(8).toString("latin1");
    expect(header).toContain('"model.layers.0.kernel":{"dtype":"F32","shape":[3,8]');
  });
});

describe("resuming", () => {
  const options = { batchSize: 8, validationSplit: 0.2, ...silent };

  test("a run that was stopped and resumed equals one that was not, to the bit", async () => {
    const whole = classifier();
    const { history } = await whole.fit(x, y, { epochs: 5, ...options });

    seed(1);
    const first = classifier();
    const path = join(folder, "resume");
    await first.fit(x, y, { epochs: 2, callbacks: new callbacks.ModelCheckpoint({ filepath: path }), ...options });
    // Whatever happens in between, here or in another process, has no part in it.
    seed(99);
    classifier();
    const second = await loadModel(path);
    const rest = await second.fit(x, y, { epochs: 5, initialEpoch: 2, ...options });
    expect(rest.epoch).toEqual([2, 3, 4]);
    for (const [name, values] of Object.entries(history)) expect(rest.history[name], name).toEqual(values.slice(2));
    expect(numbers(second.getWeights())).toEqual(numbers(whole.getWeights()));
  });

  test("two fits in a row equal one", async () => {
    const whole = classifier();
    const { history } = await whole.fit(x, y, { epochs: 4, ...options });
    seed(1);
    const parts = classifier();
    await parts.fit(x, y, { epochs: 2, ...options });
    const rest = await parts.fit(x, y, { epochs: 4, initialEpoch: 2, ...options });
    expect(rest.history["loss"]).toEqual(history["loss"]!.slice(2));
  });
});

describe("damaged files are named, and nothing crashes", () => {
  const expectFileError = async (path: string, problem: string | RegExp): Promise<void> => {
    const error = await complaint(() => loadModel(path));
    expect(error.code).toBe("file");
    expect(error.message).toMatch(problem);
  };

  test("nothing there, an empty folder, a foreign file", async () => {
    await expectFileError(join(folder, "nowhere"), "there is no such file or folder");
    await expectFileError(folder, "is not a saved model: it has no model.json");
    await writeFile(join(folder, "foreign.safetensors"), "hello, this is no model at all");
    await expectFileError(join(folder, "foreign.safetensors"), "does not begin like a safetensors file");
  });

  test("cut short, at every length", async () => {
    const path = join(folder, "cut.safetensors");
    await classifier().save(path);
    const bytes = await readFile(path);
    for (const length of [0, 5, 100, bytes.length >> 1, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      expect((await complaint(() => loadModel(path))).code).toBe("file");
    }
  });

  test("a description that is no JSON, of another version, or of no model", async () => {
    const path = join(folder, "described");
    await classifier().save(path);
    const file = join(path, "model.json");
    const good = JSON.parse(await readFile(file, "utf8"));
    await truncate(file, 100);
    await expectFileError(path, /model\.json: is damaged/);
    for (const [change, problem] of [
      [{ version: 2 }, "has version 2"],
      [{ format: "keras" }, "does not describe a cambium model"],
      [{ weights: "../../secret" }, "which is no file beside it"],
      [{ weights: "gone.safetensors" }, "is missing"],
      [{ config: { ...good.config, layers: [{ className: "Dens", config: {} }] } }, 'there is no layer "Dens"'],
      [{ config: { ...good.config, layers: good.config.layers.slice(1) } }, "describes no model that can be made"],
      [{ config: {} }, "described by its layers"],
    ] as const) {
      await writeFile(file, JSON.stringify({ ...good, ...change }));
      await expectFileError(path, problem);
    }
  });

  test("a place that cannot be written", async () => {
    const path = join(folder, "blocked");
    await writeFile(path, "a file where a folder should be");
    expect((await complaint(() => classifier().save(path))).code).toBe("file");
  });

  test("a model without weights, or with a part that cannot be written down", async () => {
    expect((await complaint(() => sequential([layers.dense(2)]).save(join(folder, "no")))).message).toContain("the model is not built");
    const model = sequential([layers.dense(2, { inputShape: [3], activation: (x) => x.relu() })]);
    expect((await complaint(() => model.save(join(folder, "no")))).message).toContain("activation is a function of your own");
  });
});
