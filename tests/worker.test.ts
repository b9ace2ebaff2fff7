/** A model served from another thread: the service and its client, over a channel within this thread, and with a thread of Node's. */
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { callbacks, CambiumError, layers, loadModel, optimizers, seed, sequential, type Sequential, serve, type Tensor, tensor } from "../src/node.ts";
import { type Client, connect, type Numbers } from "../src/worker/index.ts";

const x = Array.from({ length: 64 }, (_, i) => [i / 32 - 1, Math.sin(i)]);
const y = x.map(([a, b]) => [2 * a! - b!]);

function line(): Sequential {
  seed(1);
  const model = sequential([layers.dense(1, { inputShape: [2] })]);
  model.compile({ optimizer: optimizers.sgd({ learningRate: 0.05 }), loss: "mse", metrics: ["mae"] });
  return model;
}

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** Slow enough that a rest follows each batch. */
const slow = (): { onBatchEnd(): Promise<void> } => ({ onBatchEnd: () => new Promise<void>((done) => setTimeout(done, 13)) });

function served() {
  const { port1, port2 } = new MessageChannel();
  let epochs = 0;
  const service = serve(
    {
      model: line,
      data: { sums: () => [x, y] as const, async *stream() { yield [x, y] as const; }, broken: () => Promise.reject(new Error("no such disk")) },
      callbacks: () => ({ onEpochEnd: () => void epochs++ }),
      calls: {
        scaled: (model, by: number, list: Tensor) => ({ weights: model.getWeights()[0]!.mul(by), again: [list.add(1)] }),
        slowly: () => slow().onBatchEnd(),
        wrong: () => tensor([1, 2]).add(tensor([1, 2, 3])),
      },
    },
    port1,
  );
  const client = connect<typeof service>(port2);
  ends.push(() => {
    service.close();
    client.close();
    port1.close();
  });
  return { client, epochs: () => epochs };
}

const data = async (numbers: Promise<Numbers>): Promise<number[]> => [...(await numbers).data].map(Number);

describe("what a client asks for is what the model gives", () => {
  test("fit, on data that the worker has", async () => {
    const { client, epochs } = served();
    const told: number[] = [];
    const outcome = await client.fit("sums", { epochs: 3, batchSize: 16, validationData: "sums", onEpochEnd: (epoch, logs) => void told.push(epoch, logs["val_loss"]!) });
    const { history } = await line().fit(x, y, { epochs: 3, batchSize: 16, validationData: [x, y], verbose: 0 });
    expect(outcome).toEqual({ epoch: [0, 1, 2], history });
    expect(told).toEqual(history["val_loss"]!.flatMap((loss, i) => [i, loss]));
    expect(epochs()).toBe(3);
    expect(client.state).toBe("idle");
  });

  test("fit, on data from here and on a stream", async () => {
    const { client } = served();
    const whole = await client.fit(tensor(x), tensor(y), { epochs: 2, validationSplit: 0.25, sampleWeight: new Float32Array(64).fill(1) });
    expect(Object.keys(whole.history)).toEqual(["loss", "mae", "val_loss", "val_mae"]);
    expect((await client.fit("stream", { epochs: 2 })).epoch).toEqual([0, 1]);
  });

  test("evaluate and predict, with numbers in every form", async () => {
    const { client } = served();
    const model = line();
    const [loss, mae] = await model.evaluate(x, y, { verbose: 0 });
    expect(await client.evaluate("sums")).toEqual({ loss, mae });
    expect(await client.evaluate(x, y)).toEqual({ loss, mae });
    const wanted = [...(await model.predict([[1, 2]])).dataSync()];
    for (const one of [[[1, 2]], new Float32Array([1, 2]), tensor([[1, 2]]), { data: new Float32Array([1, 2]), shape: [1, 2], dtype: "float32" } as const]) {
      const numbers = await client.predict(one);
      expect([...numbers.data]).toEqual(wanted);
      expect(numbers).toMatchObject({ shape: [1, 1], dtype: "float32" });
    }
  });

  test("functions of the worker's own, with their types", async () => {
    const { client } = served();
    const { weights, again } = await client.call("scaled", 2, tensor([1, 2]));
    expectTypeOf(weights).toEqualTypeOf<Numbers>();
    expect([...weights.data]).toEqual([...line().getWeights()[0]!.mul(2).dataSync()]);
    expect([...again[0]!.data]).toEqual([2, 3]);
    // @ts-expect-error the worker wants a number first
    await client.call("scaled", "2", tensor([1, 2])).catch(() => undefined);
    // @ts-expect-error there is no such function
    await expect(client.call("scale")).rejects.toThrow('there is no function "scale"\n  hint: did you mean "scaled"?');
    // @ts-expect-error there is no such data
    await expect(client.fit("sum")).rejects.toThrow('client.fit: the worker has no data called "sum"\n  hint: did you mean "sums"?');
  });

  test("the model goes out as bytes and comes in as bytes", async () => {
    const { client } = served();
    await client.fit("sums", { epochs: 2 });
    const here = await loadModel(await client.toBytes());
    expect([...(await here.predict([[3, 4]])).dataSync()]).toEqual(await data(client.predict([[3, 4]])));
    const other = line();
    await client.load(await other.toBytes());
    expect([...(await other.predict([[3, 4]])).dataSync()]).toEqual(await data(client.predict([[3, 4]])));
    await expect(client.load(new Uint8Array(3))).rejects.toThrow(/loadModel: /);
  });
});

describe("a run is steered", () => {
  const long = { epochs: 100_000, batchSize: 1, progressEvery: 0 } as const;

  test("pause stands still, answers everything else, and goes on", async () => {
    const { client } = served();
    let done = 0;
    const fitted = client.fit("sums", { ...long, onProgress: (progress) => void (done = progress.epoch * 64 + progress.done) });
    while (done === 0) await slow().onBatchEnd();
    await client.pause();
    expect(client.state).toBe("paused");
    const before = await data(client.predict([[1, 1]]));
    const at = done;
    await slow().onBatchEnd();
    await slow().onBatchEnd();
    expect(done).toBe(at);
    expect(await data(client.predict([[1, 1]]))).toEqual(before);
    expect((await client.evaluate("sums"))["loss"]).toBeGreaterThanOrEqual(0);
    await client.call("slowly");
    await client.resume();
    expect(client.state).toBe("training");
    while (done === at) await slow().onBatchEnd();
    await client.stop();
    expect((await fitted).epoch.length).toBeGreaterThan(0);
  });

  test("a pause that is taken back is answered", async () => {
    const { client } = served();
    const fitted = client.fit("sums", long);
    await Promise.all([client.pause(), client.resume()]);
    await Promise.all([client.pause(), client.stop()]);
    await fitted;
    expect(client.state).toBe("idle");
  });

  test("stop ends a run, also one that is paused; nothing to steer is no mistake", async () => {
    const { client } = served();
    await client.pause();
    await client.resume();
    await client.stop();
    const fitted = client.fit("sums", long);
    await client.pause();
    await client.stop();
    await fitted;
    expect((await client.fit("sums", { epochs: 1 })).epoch).toEqual([0]);
  });

  test("a signal ends a run with its reason", async () => {
    const { client } = served();
    const abort = new AbortController();
    const fitted = client.fit("sums", { ...long, signal: abort.signal, onProgress: () => abort.abort(new Error("seen enough")) });
    await expect(fitted).rejects.toThrow("seen enough");
    expect(client.state).toBe("idle");
    await expect(client.fit("sums", { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  test("what would disturb a run has to wait or is refused", async () => {
    const { client } = served();
    const fitted = client.fit("sums", long);
    await expect(client.fit("sums")).rejects.toThrow(/^client\.fit: the model is being fitted\n {2}hint: await the fit/);
    await expect(client.load(await line().toBytes())).rejects.toThrow(/^client\.load: the model is being fitted/);
    expect(client.state).toBe("training");
    await client.stop();
    await fitted;
  });
});

describe("mistakes come back as they were", () => {
  const complaint = (promise: Promise<unknown>): Promise<CambiumError> => promise.then(() => expect.fail("nothing was thrown"), (error) => error);

  test("errors of cambium and of others", async () => {
    const { client } = served();
    const error = await complaint(client.call("wrong"));
    expect(error).toBeInstanceOf(CambiumError);
    expect(error).toMatchObject({ code: "shape", where: "add" });
    expect(error.message).toBe((await complaint((async () => tensor([1, 2]).add(tensor([1, 2, 3])))())).message);
    expect(await complaint(client.fit("broken"))).toMatchObject({ name: "Error", message: "no such disk" });
    expect((await complaint(client.fit("sums", { epochs: -1 }))).message).toMatch(/^fit: epochs is -1/);
  });

  test("what cannot be sent is named, and where it belongs", async () => {
    const { client } = served();
    expect((await complaint(client.fit("sums", { callbacks: [callbacks.earlyStopping(), () => 1] } as object))).message).toMatch(/^client\.fit: got what cannot be sent.*hint: .*serve\(/s);
  });

  test("a worker without a model, no worker, and one that is gone", async () => {
    const { port1, port2 } = new MessageChannel();
    const service = serve({}, port1);
    const client: Client<typeof service> = connect(port2);
    expect((await complaint(client.predict([[1]]))).message).toMatch(/^serve: the worker has no model yet.*client\.load/s);
    const open = complaint(client.predict([[1]]));
    await Promise.resolve();
    client.close();
    expect((await open).message).toBe("connect: the worker was closed");
    expect((await complaint(client.predict([[1]]))).message).toBe("connect: the worker was closed");
    port1.close();
    expect(() => serve({})).toThrow(/^serve: this is no worker, so nobody can ask\n {2}hint: the page starts one/);
  });
});

test("a thread of Node's serves a model", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(resolve("build/worker-"));
  try {
    const program = `
      import { layers, sequential, serve } from "../src/node.ts";
      serve({ model() {
        const model = sequential([layers.dense(1, { inputShape: [2] })]);
        model.compile({ optimizer: "adam", loss: "mse" });
        return model;
      } });`;
    const contents = { contents: program, resolveDir: resolve("tests"), loader: "ts" as const };
    await build({ stdin: contents, outfile: join(folder, "good.mjs"), bundle: true, platform: "node", format: "esm", target: "node20", ignoreAnnotations: true });
    const client = connect(new Worker(join(folder, "good.mjs"), { env: { ...process.env, CAMBIUM_ENGINE: "wasm" } }));
    const { history } = await client.fit(x, y, { epochs: 3 });
    expect(history["loss"]![2]).toBeLessThan(history["loss"]![0]!);
    client.close();
    const lost = connect(new Worker("throw new Error('no model today')", { eval: true }));
    await expect(lost.predict([[1, 2]])).rejects.toThrow(/^connect: the worker stopped: no model today/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
