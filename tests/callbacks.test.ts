import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { callbacks, layers, type Logs, optimizers, seed, type Sequential, sequential } from "../src/index.ts";

const silent = { verbose: 0 } as const;
const x = Array.from({ length: 16 }, (_, i) => i / 8 - 1);
const y = x.map((v) => 2 * v + 1);

function line(learningRate = 0.1): Sequential {
  const model = sequential([layers.dense(1, { inputShape: [1], kernelInitializer: "zeros" })]);
  model.compile({ optimizer: optimizers.sgd({ learningRate }), loss: "mse" });
  return model;
}

/** A callback that makes `val_loss` what the list says. */
const pretend = (values: readonly number[], name = "val_loss"): { onEpochEnd(epoch: number, logs: Logs): void } => ({
  onEpochEnd(epoch, logs) {
    logs[name] = values[epoch]!;
  },
});

beforeEach(() => seed(1));

/** Ends the batch no earlier than the pace of rests, so that a rest follows. */
const slow = { onBatchEnd: () => new Promise<void>((done) => setTimeout(done, 13)) };

describe("rests", () => {
  test("come between batches, tell how far training is, and hold it while a promise is open", async () => {
    let release = (): void => undefined;
    let held: Promise<void> | undefined;
    const seen: string[] = [];
    const fitted = line().fit(x, y, {
      epochs: 2,
      batchSize: 8,
      validationData: [x, y],
      ...silent,
      callbacks: [
        slow,
        {
          async onRest({ epoch, done, steps, examining, speed, logs }) {
            if (examining) return;
            seen.push(`${epoch} ${done}/${steps} ${Object.keys(await logs()).join()} ${speed > 0}`);
            if (epoch === 1 && done === 1) await (held = new Promise((open) => (release = open)));
          },
        },
      ],
    });
    while (!held) await new Promise((done) => setTimeout(done, 2));
    await new Promise((done) => setTimeout(done, 60));
    expect(seen).toEqual(["0 1/2 loss true", "0 2/2 loss true", "1 1/2 loss true"]);
    release();
    expect((await fitted).epoch).toEqual([0, 1]);
    expect(seen).toHaveLength(4);
  });
});

describe("a signal", () => {
  test("ends training after the step, throws its reason, and leaves what was learnt", async () => {
    const abort = new AbortController();
    const told: string[] = [];
    const model = line();
    const reason = new Error("enough");
    const fitted = model.fit(x, y, {
      epochs: 5,
      batchSize: 4,
      signal: abort.signal,
      ...silent,
      callbacks: {
        onBatchEnd() {
          if (told.push("batch") === 6) abort.abort(reason);
        },
        onEpochEnd: () => void told.push("epoch"),
        onTrainEnd: () => void told.push("end"),
      },
    });
    await expect(fitted).rejects.toBe(reason);
    expect(told).toEqual(["batch", "batch", "batch", "batch", "epoch", "batch", "end"]);
    expect(model.epochsTrained).toBe(1);
    expect(Math.abs(model.getWeights()[0]!.item())).toBeGreaterThan(0);
    expect((await model.fit(x, y, { epochs: 1, ...silent })).epoch).toEqual([0]);
  });

  test("that is aborted beforehand trains nothing; one aborted in the last validation still counts", async () => {
    const model = line();
    await expect(model.fit(x, y, { signal: AbortSignal.abort(), ...silent })).rejects.toThrow(/abort/i);
    expect(model.epochsTrained).toBe(0);
    const abort = new AbortController();
    async function* batches(): AsyncGenerator<readonly [number[], number[]]> {
      yield [x, y];
      abort.abort();
      yield [x, y];
    }
    await expect(model.fit(x, y, { signal: abort.signal, validationData: batches, ...silent })).rejects.toThrow(/abort/i);
    expect(model.epochsTrained).toBe(0);
  });
});


describe("hooks", () => {
  test("are called in order, with the numbers so far, and waited for", async () => {
    const calls: string[] = [];
    const later = (name: string): Promise<void> => new Promise((done) => setTimeout(() => done(void calls.push(name)), 2));
    await line().fit(x, y, {
      epochs: 2,
      batchSize: 8,
      callbacks: {
        onTrainBegin: () => later("train"),
        onEpochBegin: (epoch) => later(`epoch ${epoch}`),
        onBatchBegin: (batch) => void calls.push(`batch ${batch}`),
        onBatchEnd: (batch, logs) => void calls.push(`batch ${batch} ${Object.keys(logs)}`),
        onEpochEnd: (epoch, logs) => later(`epoch ${epoch} ${Object.keys(logs)}`),
        onTrainEnd: (logs) => later(`train ${Object.keys(logs)}`),
      },
      ...silent,
    });
    const epoch = (e: number): string[] => [`epoch ${e}`, "batch 0", "batch 0 loss", "batch 1", "batch 1 loss", `epoch ${e} loss`];
    expect(calls).toEqual(["train", ...epoch(0), ...epoch(1), "train loss"]);
  });

  test("a callback knows the model and the plan, and LambdaCallback is made of functions", async () => {
    class Mine extends callbacks.Callback {
      seen: unknown[] = [];
      override onTrainBegin(): void {
        this.seen.push(this.model, this.plan.steps, this.plan.epochs, this.plan.samples);
      }
    }
    const mine = new Mine();
    const model = line();
    let ends = 0;
    await model.fit(x, y, { epochs: 3, batchSize: 5, callbacks: [mine, callbacks.lambdaCallback({ onEpochEnd: () => void ends++ })], ...silent });
    expect(mine.seen).toEqual([model, 4, 3, 16]);
    expect(ends).toBe(3);
    expect(() => new Mine().model).toThrow("is not known before training begins");
  });

  test("stopTraining ends training after the batch, and the epoch still counts", async () => {
    const model = line();
    let batches = 0;
    const { epoch } = await model.fit(x, y, {
      epochs: 5,
      batchSize: 4,
      callbacks: {
        onBatchEnd: () => {
          if (++batches === 6) model.stopTraining = true;
        },
      },
      ...silent,
    });
    expect(batches).toBe(6);
    expect(epoch).toEqual([0, 1]);
  });
});

describe("EarlyStopping", () => {
  const run = async (values: readonly number[], options: ConstructorParameters<typeof callbacks.EarlyStopping>[0]): Promise<number> => {
    const history = await line(0).fit(x, y, { epochs: values.length, callbacks: [pretend(values), new callbacks.EarlyStopping(options)], ...silent });
    return history.epoch.length;
  };

  test("waits for patience epochs without getting better", async () => {
    expect(await run([3, 2, 2, 2, 2, 2], { patience: 2 })).toBe(4);
    expect(await run([3, 2, 2, 1, 2, 2, 2], { patience: 2 })).toBe(6);
    expect(await run([3, 2.95, 2.9, 2.85], { minDelta: 0.1, patience: 2 })).toBe(3);
    expect(await run([3, 2, 1], {})).toBe(3);
  });

  test("knows what is better from the name, or is told", async () => {
    const history = await line(0).fit(x, y, {
      epochs: 5,
      callbacks: [pretend([0.5, 0.6, 0.6, 0.6, 0.6], "val_accuracy"), callbacks.earlyStopping({ monitor: "val_accuracy", patience: 1 })],
      ...silent,
    });
    expect(history.epoch.length).toBe(3);
    expect(await run([1, 2, 3, 4, 3, 3], { mode: "max", patience: 1 })).toBe(5);
    expect(() => new callbacks.EarlyStopping({ mode: "best" as "min" })).toThrow('there is no mode "best"');
  });

  test("starts late, and measures itself against a baseline", async () => {
    expect(await run([3, 3, 3, 3, 3, 3], { patience: 1, startFromEpoch: 3 })).toBe(5);
    expect(await run([3, 2.9, 2.8, 2.7], { patience: 2, baseline: 1 })).toBe(4);
  });

  test("puts the best weights back", async () => {
    const model = line();
    const weights: number[] = [];
    const keep = { onEpochEnd: () => void weights.push(model.getWeights()[0]!.item()) };
    const stop = new callbacks.EarlyStopping({ patience: 2, restoreBestWeights: true });
    await model.fit(x, y, { epochs: 9, callbacks: [pretend([3, 1, 2, 2, 2]), keep, stop], ...silent });
    expect(weights.length).toBe(4);
    expect(model.getWeights()[0]!.item()).toBe(weights[1]);
    expect([stop.bestEpoch, stop.stoppedEpoch]).toEqual([1, 3]);
  });

  test("says once when what it watches is not there", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      await line().fit(x, y, { epochs: 2, callbacks: callbacks.earlyStopping(), ...silent });
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn.mock.calls[0]![0]).toContain('there is no "val_loss" to watch; there are loss\n  hint: give fit a validationSplit');
    } finally {
      warn.mockRestore();
    }
  });
});

describe("learning rates", () => {
  test("LearningRateScheduler sets the rate of each epoch, and the history keeps it", async () => {
    const model = line();
    const { history } = await model.fit(x, y, {
      epochs: 3,
      callbacks: new callbacks.LearningRateScheduler((epoch, rate) => (epoch === 0 ? rate : rate * 0.5)),
      ...silent,
    });
    history["learning_rate"]!.forEach((rate, i) => expect(rate).toBeCloseTo(0.1 * 0.5 ** i));
    expect(model.learningRate).toBeCloseTo(0.025);
    expect(() => new callbacks.LearningRateScheduler(0.1 as never)).toThrow("needs a function of the epoch");
    await expect(model.fit(x, y, { callbacks: callbacks.learningRateScheduler(() => Number.NaN), ...silent })).rejects.toThrow("the schedule gave NaN");
  });

  test("a rate set between steps has effect at once", async () => {
    const model = line(0);
    const start = model.getWeights()[1]!.item();
    await model.fit(x, y, silent);
    expect(model.getWeights()[1]!.item()).toBe(start);
    model.learningRate = 0.1;
    await model.fit(x, y, silent);
    expect(model.getWeights()[1]!.item()).not.toBe(start);
  });

  test("ReduceLROnPlateau lowers the rate when nothing gets better", async () => {
    const { history } = await line(1e-3).fit(x, y, {
      epochs: 6,
      callbacks: [pretend([3, 3, 3, 3, 3, 3]), callbacks.reduceLROnPlateau({ factor: 0.5, patience: 2, minLearningRate: 4e-4 })],
      ...silent,
    });
    const rates = history["learning_rate"]!.map((rate) => Number(rate.toPrecision(4)));
    expect(rates).toEqual([1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 4e-4]);
    expect(() => callbacks.reduceLROnPlateau({ factor: 2 })).toThrow("only one below 1");
  });

  test("TerminateOnNaN ends training at the first loss that is no number", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      const { epoch } = await line(1e30).fit(x, y, { epochs: 50, batchSize: 4, callbacks: new callbacks.TerminateOnNaN(), ...silent });
      expect(epoch.length).toBeLessThan(3);
      expect(warn.mock.calls[0]![0]).toContain("hint: a smaller learning rate");
    } finally {
      warn.mockRestore();
    }
  });
});

describe("ModelCheckpoint", () => {
  test("saves every epoch, or the best, under names with numbers in them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cambium-"));
    try {
      await line().fit(x, y, { epochs: 3, callbacks: new callbacks.ModelCheckpoint({ filepath: join(folder, "all-{epoch:02d}") }), ...silent });
      await line().fit(x, y, {
        epochs: 4,
        callbacks: [
          pretend([3, 1, 2, 0.5]),
          callbacks.modelCheckpoint({ filepath: join(folder, "best-{epoch}-{val_loss:.2f}.safetensors"), saveBestOnly: true }),
        ],
        ...silent,
      });
      expect((await readdir(folder)).sort()).toEqual([
        "all-01",
        "all-02",
        "all-03",
        "best-1-3.00.safetensors",
        "best-2-1.00.safetensors",
        "best-4-0.50.safetensors",
      ]);
      expect((await readdir(join(folder, "all-01"))).sort()).toEqual(["model.json", "weights.safetensors"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("complains about a missing path and unknown names in it", async () => {
    expect(() => new callbacks.ModelCheckpoint({} as never)).toThrow("needs to know where to save to");
    await expect(line().fit(x, y, { callbacks: callbacks.modelCheckpoint("m-{accuracy}"), ...silent })).rejects.toThrow(
      'filepath names "accuracy", which is none of loss, epoch',
    );
  });
});

/** Two layers with chance between them, always from the same start. */
function chancy(): Sequential {
  seed(5);
  const model = sequential([layers.dense(4, { inputShape: [1], activation: "tanh" }), layers.dropout(0.3), layers.dense(1)]);
  model.compile({ optimizer: optimizers.adam({ learningRate: 0.05, gradientAccumulationSteps: 3 }), loss: "mse" });
  return model;
}

describe("BackupAndRestore", () => {
  const numbers = (model: Sequential): number[][] => model.getWeights().map((w) => [...w.dataSync()]);
  const broken = (epoch: number): object => ({
    onEpochBegin: (now: number) => {
      if (now === epoch) throw new Error("power cut");
    },
  });

  test("lets a run that was broken off go on, to the bit as if nothing had happened", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cambium-"));
    try {
      const whole = chancy();
      const { history } = await whole.fit(x, y, { epochs: 6, batchSize: 8, ...silent });
      const cut = chancy().fit(x, y, { epochs: 6, batchSize: 8, callbacks: [callbacks.backupAndRestore(folder), broken(4)], ...silent });
      await expect(cut).rejects.toThrow("power cut");
      expect(await readdir(folder)).toEqual(["latest.safetensors"]);
      const again = chancy();
      seed(99);
      const rest = await again.fit(x, y, { epochs: 6, batchSize: 8, callbacks: callbacks.backupAndRestore(folder), ...silent });
      expect(rest.epoch).toEqual([4, 5]);
      expect(rest.history["loss"]).toEqual(history["loss"]!.slice(4));
      expect(numbers(again)).toEqual(numbers(whole));
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("keeps weights within an epoch, too, and the backup at the end if asked to", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cambium-"));
    try {
      const batch = { onBatchEnd: (at: number) => { if (at === 1) throw new Error("power cut"); } };
      const one = chancy();
      const backup = (): object => callbacks.backupAndRestore({ backupDir: folder, saveFreq: 1, deleteCheckpoint: false });
      await expect(one.fit(x, y, { epochs: 2, batchSize: 4, callbacks: [backup(), batch], ...silent })).rejects.toThrow("power cut");
      const again = chancy();
      let found: number[][] = [];
      const { epoch } = await again.fit(x, y, { epochs: 2, batchSize: 4, callbacks: [backup(), { onEpochBegin: () => void (found = found.length ? found : numbers(again)) }], ...silent });
      expect(epoch).toEqual([0, 1]);
      expect(found).toEqual(numbers(one));
      expect(await readdir(folder)).toEqual(["latest.safetensors"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("complains about a missing folder and a strange frequency", () => {
    expect(() => callbacks.backupAndRestore("")).toThrow("needs a folder for the backup");
    expect(() => callbacks.backupAndRestore({ backupDir: "b", saveFreq: 0.5 })).toThrow('saveFreq is 0.5; it is "epoch", or a number of batches');
  });
});

describe("CSVLogger", () => {
  test("writes a line an epoch, as Keras does, and goes on in a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cambium-"));
    try {
      const file = join(folder, "log.csv");
      const { history } = await line().fit(x, y, { epochs: 2, validationFreq: 2, validationSplit: 0.25, callbacks: callbacks.csvLogger(file), ...silent });
      const first = `epoch,loss,val_loss\r\n0,${history["loss"]![0]},NA\r\n1,${history["loss"]![1]},${history["val_loss"]![0]}\r\n`;
      expect(await readFile(file, "utf8")).toBe(first);
      await line().fit(x, y, { epochs: 1, callbacks: [pretend([7], "a;b"), callbacks.csvLogger(file, { append: true, separator: ";" })], ...silent });
      const added = (await readFile(file, "utf8")).slice(first.length);
      expect(added).toMatch(/^0;7;\d\.\d+;NA;NA\r\n$/);
      await line().fit(x, y, { epochs: 1, callbacks: [pretend([7], "a;b"), callbacks.csvLogger(file, { separator: ";" })], ...silent });
      expect(await readFile(file, "utf8")).toMatch(/^epoch;"a;b";loss;"val_a;b";val_loss\r\n0;7;/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("complains about a missing name", () => expect(() => callbacks.csvLogger("")).toThrow("needs the name of a file"));
});

/** A program that trains for long and tells, as JSON, what its history holds when it is stopped. */
const program = `
import { layers, sequential } from "./src/node.ts";
const model = sequential([layers.dense(1, { inputShape: [1] })]);
model.compile({ optimizer: "sgd", loss: "mse" });
const x = Array.from({ length: 64 }, (_, i) => i / 64);
const told = { onEpochEnd: (epoch) => epoch === 1 && console.log("two epochs") };
const { history, epoch } = await model.fit(x, x, { epochs: 1e6, callbacks: [told] });
console.log(JSON.stringify({ losses: history.loss.length, epochs: epoch.length }));
`;

const tsx = (script: string): [string, string[], object] => [
  process.execPath,
  ["--import", "tsx", "--input-type=module", "-e", script],
  { env: { ...process.env, CAMBIUM_ENGINE: "reference" } },
];

describe("in a process of its own", () => {
  test("Ctrl-C ends training after the step, and the history so far is returned", async () => {
    const child = spawn(...tsx(program));
    let output = "";
    let said = "";
    child.stdout!.on("data", (text) => {
      output += text;
      if (output.includes("two epochs") && !child.killed) child.kill("SIGINT");
    });
    child.stderr!.on("data", (text) => (said += text));
    const code = await new Promise((done) => child.on("exit", done));
    expect(code, said).toBe(0);
    const { losses, epochs } = JSON.parse(output.trim().split("\n").at(-1)!);
    expect(losses).toBeGreaterThanOrEqual(2);
    expect(epochs).toBe(losses);
    expect(said).toContain("Interrupted: training ends after this step");
  });

  test("without a terminal there is one line an epoch, on stderr", async () => {
    const { stdout, stderr } = await promisify(execFile)(...(tsx(program.replace("1e6", "3")) as [string, string[], object]));
    expect(String(stdout)).toContain('{"losses":3,"epochs":3}');
    const lines = String(stderr)
      .split("\n")
      .filter((line) => line.startsWith("Epoch"));
    expect(lines.length).toBe(3);
    expect(lines[2]).toMatch(/^Epoch 3\/3 - 2\/2 - \d+\.\ds - [\d,]+ samples\/s - loss: \d/);
  });
});
