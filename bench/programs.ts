/** The benchmark's programs, written as users of cambium would; bench/peer/programs.py has the same for PyTorch. */
import { compile, gpt, layers, nn, optim, randint, type Sequential, seed, sequential, type Tensor, tensor, uniform } from "cambium";
import { median } from "./numbers.ts";

/** Runs for about so many seconds and returns the milliseconds of a training step. */
export type Timed = (seconds: number) => Promise<number>;

/** Different batches in rotation, as many as PyTorch gets. */
const batches = 16;

export interface Program {
  readonly batch: number;
  readonly model: () => Sequential;
}

const mlp = (): Sequential => sequential([layers.dense(128, { activation: "relu", inputShape: [784] }), layers.dense(10, { activation: "softmax" })]);

export const cnn = (): Sequential =>
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

export const programs: Record<string, Program> = {
  "mlp-32": { batch: 32, model: mlp },
  "mlp-128": { batch: 128, model: mlp },
  "cnn-32": { batch: 32, model: cnn },
  "cnn-128": { batch: 128, model: cnn },
  lstm: { batch: 128, model: () => sequential([layers.lstm(128, { inputShape: [28, 28] }), layers.dense(10, { activation: "softmax" })]) },
};

/** A compiled model, and random samples for so many steps. */
export function start({ model: make, batch }: Program, steps: number): { model: Sequential; x: Tensor; y: Tensor } {
  seed(0);
  const model = make();
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  const x = uniform([steps * batch, ...model.inputShape!]);
  const y = randint([steps * batch], 0, 10);
  x.dataSync();
  y.dataSync();
  return { model, x, y };
}

/** Whole epochs of `fit`, the loop a user runs: batches gathered, loss kept, the event loop served. */
export async function fitted(program: Program, steps: number = batches): Promise<Timed> {
  const { model, x, y } = start(program, steps);
  const stamps: number[] = [];
  const callbacks = { onEpochBegin: () => void stamps.push(performance.now()), onEpochEnd: () => void stamps.push(performance.now()) };
  const run = async (epochs: number): Promise<number[]> => {
    stamps.length = 0;
    await model.fit(x, y, { epochs, batchSize: program.batch, verbose: 0, callbacks });
    return Array.from({ length: epochs }, (_, i) => (stamps[2 * i + 1]! - stamps[2 * i]!) / steps);
  };
  await run(2);
  return async (seconds) => {
    const times: number[] = [];
    for (const end = performance.now() + 1000 * seconds; times.length === 0 || performance.now() < end; ) {
      const left = Math.max(1, Math.floor((end - performance.now()) / (steps * (times[0] ?? Number.POSITIVE_INFINITY))));
      times.push(...(await run(Math.min(left, 1000))));
    }
    return median(times);
  };
}

/** Single steps by hand, the batches in rotation. */
export async function stepped(program: Program): Promise<Timed> {
  const { model, x, y } = start(program, batches);
  const pairs = Array.from({ length: batches }, (_, i) => [x, y].map((t) => t.slice([i * program.batch], [(i + 1) * program.batch])));
  for (const pair of pairs) for (const t of pair) t.dataSync();
  let at = 0;
  const step = async (): Promise<unknown> => {
    const [bx, by] = pairs[at++ % batches]!;
    return model.trainOnBatch(bx!, by!);
  };
  for (let i = 0; i < 4; i++) await step();
  return (seconds) => timed(step, seconds);
}

class SimpleLinearRegression extends nn.Module {
  linear = new nn.Linear(1, 1);

  forward(x: Tensor): Tensor {
    return this.linear.forward(x);
  }
}

/** The eager loop of P4. */
export async function regression(): Promise<Timed> {
  const model = new SimpleLinearRegression();
  const criterion = new nn.MSELoss();
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
  const x = tensor([1]);
  const y = tensor([0]);
  const hundred = (): void => {
    for (let i = 0; i < 100; i++) {
      const loss = criterion.forward(model.forward(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    }
  };
  await timed(hundred, 0.3);
  return async (seconds) => (await timed(hundred, seconds)) / 100;
}

/** A small GPT: 4 layers of 4 heads, 128 features, 16 sequences of 128 letters out of 65. */
export const language = (): Promise<Timed> => {
  seed(0);
  const model = gpt({ vocabSize: 65, context: 128, layers: 4, heads: 4, dModel: 128, dropout: 0, tied: false });
  return onLetters((tokens) => model.forward(tokens), new optim.AdamW(model.parameters(), { lr: 1e-3 }), 16, 128);
};

class CharLSTM extends nn.Module {
  letters = new nn.Embedding(65, 256);
  lstm = new nn.LSTM(256, 256, { numLayers: 2, batchFirst: true });
  head = new nn.Linear(256, 65);

  forward(tokens: Tensor): Tensor {
    return this.head.forward(this.lstm.forward(this.letters.forward(tokens))[0]);
  }
}

/** A recurrent network of two layers, trained on letters. */
export const charLstm = (): Promise<Timed> => {
  seed(0);
  const model = new CharLSTM();
  return onLetters((tokens) => model.forward(tokens), new optim.Adam(model.parameters(), { lr: 1e-3 }), 32, 64);
};

async function onLetters(forward: (tokens: Tensor) => Tensor, optimizer: { zeroGrad(): void; step(): void }, batch: number, length: number): Promise<Timed> {
  const criterion = new nn.CrossEntropyLoss();
  const step = compile((tokens: Tensor, next: Tensor) => {
    const loss = criterion.forward(forward(tokens).reshape([-1, 65]), next.reshape([-1]));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const pairs = Array.from({ length: batches }, () => {
    const letters = randint([batch, length + 1], 0, 65);
    return [letters.slice([0, 0], [batch, length]), letters.slice([0, 1], [batch, length + 1])] as const;
  });
  for (const pair of pairs) for (const t of pair) t.dataSync();
  let at = 0;
  const next = (): number => step(...pairs[at++ % batches]!).item();
  for (let i = 0; i < 4; i++) next();
  return (seconds) => timed(next, seconds);
}

/** The median milliseconds of one call. */
export async function timed(f: () => unknown, seconds: number): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  for (let before = performance.now(); times.length < 3 || before < end; ) {
    await f();
    const after = performance.now();
    times.push(after - before);
    before = after;
  }
  return median(times);
}
