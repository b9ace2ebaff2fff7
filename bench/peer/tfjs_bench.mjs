/**
 * TensorFlow.js' side of the benchmark: the same commands as torch_bench.py, a line of JSON each; started with the folder that TensorFlow.js is installed in.
 * A program is a training step on its WebAssembly backend, which has vectors in Node but no threads.
 */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const [folder, first] = process.argv.slice(2);
const began = performance.now();
const require = createRequire(join(folder, "package.json"));
const tf = require("@tensorflow/tfjs-core");
const { layers, sequential } = require("@tensorflow/tfjs-layers");
const backend = require("@tensorflow/tfjs-backend-wasm");

/** Different batches in rotation, as many as everybody gets. */
const batches = 16;
const rounds = 8;

const mlp = () => [layers.dense({ units: 128, activation: "relu", inputShape: [784] }), layers.dense({ units: 10, activation: "softmax" })];
const cnn = () => [
  layers.conv2d({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
  layers.maxPooling2d({ poolSize: 2 }),
  layers.conv2d({ filters: 64, kernelSize: 3, activation: "relu" }),
  layers.maxPooling2d({ poolSize: 2 }),
  layers.flatten(),
  layers.dense({ units: 128, activation: "relu" }),
  layers.dropout({ rate: 0.5 }),
  layers.dense({ units: 10, activation: "softmax" }),
];
const programs = {
  "mlp-32": { batch: 32, shape: [784], make: mlp },
  "mlp-128": { batch: 128, shape: [784], make: mlp },
  "cnn-32": { batch: 32, shape: [28, 28, 1], make: cnn },
  "cnn-128": { batch: 128, shape: [28, 28, 1], make: cnn },
};

/** What a user would write: the backend has no gradient of a convolution's kernel, and those of its input and of pooling take half of a step. */
const kernels = {
  /** The image with samples as channels, convolved with what flows back. */
  Conv2DBackpropFilter: ({ inputs: { x, dy }, attrs: { strides, pad } }) => {
    expectPlain(strides, pad);
    return tf.tidy(() => tf.transpose(tf.conv2d(tf.transpose(x, [3, 1, 2, 0]), tf.transpose(dy, [1, 2, 0, 3]), 1, "valid"), [1, 2, 0, 3]));
  },
  /** What flows back, with a border, convolved with the kernel turned around. */
  Conv2DBackpropInput: ({ inputs: { dy, filter }, attrs: { strides, pad } }) => {
    expectPlain(strides, pad);
    const [height, width] = filter.shape.map((n) => [n - 1, n - 1]);
    return tf.tidy(() => tf.conv2d(tf.pad(dy, [[0, 0], height, width, [0, 0]]), tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]), 1, "valid"));
  },
  /** Windows of 2 × 2 side by side, on the backend's memory. */
  MaxPoolGrad: ({ inputs: { dy, input, output }, attrs: { filterSize, strides, pad }, backend: memory }) => {
    if (pad !== "valid" || ![filterSize, strides].flat().every((n) => n === 2)) throw new Error("the benchmark's gradient of pooling knows windows of 2 × 2");
    const [samples, height, width, channels] = input.shape;
    const [, rows, columns] = output.shape;
    const out = memory.makeOutput(input.shape, "float32");
    const [into, x, y, flow] = [out, input, output, dy].map((t) => memory.typedArrayFromHeap(t));
    into.fill(0);
    for (let n = 0, o = 0; n < samples; n++)
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) {
          const first = ((n * height + 2 * r) * width + 2 * c) * channels;
          const below = first + width * channels;
          for (let k = 0; k < channels; k++, o++) {
            const best = y[o];
            const at = x[first + k] === best ? first : x[first + channels + k] === best ? first + channels : x[below + k] === best ? below : below + channels;
            into[at + k] = flow[o];
          }
        }
    return out;
  },
};

function expectPlain(strides, pad) {
  if (pad !== "valid" || [strides].flat().some((n) => n !== 1)) throw new Error("the benchmark's gradients of convolutions know no padding and no strides");
}

function addKernels() {
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    if (tf.getKernel(kernelName, "wasm")) tf.unregisterKernel(kernelName, "wasm");
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
  }
}

/** The ways to train a model that a user could choose; each gives a function for one step. */
const settings = {
  /** Keras' face, whole epochs. */
  fit: (model, x, y, _, batch) => {
    model.compile({ optimizer: "adam", loss: "categoricalCrossentropy" });
    return { steps: batches, run: () => model.fit(x, y, { epochs: 1, batchSize: batch, verbose: 0, yieldEvery: "never" }) };
  },
  trainOnBatch: (model, _, __, pairs) => {
    model.compile({ optimizer: "adam", loss: "categoricalCrossentropy" });
    let at = 0;
    return { steps: 1, run: () => model.trainOnBatch(...pairs[at++ % batches]) };
  },
  /** The optimizer by hand, on scores instead of shares. */
  minimize: (model, _, __, pairs) => {
    model.layers[model.layers.length - 1].activation = layers.activation({ activation: "linear" }).activation;
    const optimizer = tf.train.adam();
    const variables = model.trainableWeights.map((w) => w.val);
    let at = 0;
    return {
      steps: 1,
      run: () => {
        const [x, y] = pairs[at++ % batches];
        optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true })), false, variables);
      },
    };
  },
};

function training(name, setting) {
  const { batch, shape, make } = programs[name];
  const model = sequential({ layers: make() });
  const x = tf.randomUniform([batches * batch, ...shape]);
  const y = tf.cast(tf.oneHot(tf.randomUniform([batches * batch], 0, 10, "int32"), 10), "float32");
  const pairs = Array.from({ length: batches }, (_, i) => [x, y].map((t) => tf.slice(t, [i * batch], [batch])));
  return settings[setting](model, x, y, pairs, batch);
}

function product(n) {
  const [a, b] = [tf.randomUniform([n, n]), tf.randomUniform([n, n])];
  return { steps: 1, run: () => tf.matMul(a, b).dispose() };
}

/** Milliseconds of a step, for so many seconds, the middle of at least three. */
async function measure({ steps, run }, seconds) {
  const times = [];
  const end = performance.now() + 1000 * seconds;
  for (let before = performance.now(); times.length < 3 || before < end; ) {
    await run();
    const after = performance.now();
    times.push((after - before) / steps);
    before = after;
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1];
}

/** A fresh process, from importing to the first result. */
const fresh = {
  run: () =>
    Number(
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), folder, "first"], { encoding: "utf8" })
        .trim()
        .split("\n")
        .pop(),
    ),
};

const steps = {};
const actions = {
  list: () => ({
    programs: [...Object.keys(programs), "matmul-1024", "first"],
    version: `TensorFlow.js ${tf.version_core} on WebAssembly, ${backend.getThreadsCount()} thread${backend.getThreadsCount() === 1 ? "" : "s"}`,
  }),
  prepare: async ({ name, setting, seconds = 0.7 }) => {
    if (name === "first" || name === "matmul-1024") {
      steps[name] = name === "first" ? fresh : product(1024);
      return { best: name === "first" ? "process" : "matMul" };
    }
    const ready = {};
    const times = {};
    for (const one of setting ? [setting] : Object.keys(settings)) {
      ready[one] = training(name, one);
      times[one] = Number.POSITIVE_INFINITY;
      await measure(ready[one], 0.2);
    }
    for (let round = 0; round < rounds && !setting; round++)
      for (const one of Object.keys(ready)) times[one] = Math.min(times[one], await measure(ready[one], seconds / rounds));
    const best = Object.keys(ready).sort((a, b) => times[a] - times[b])[0];
    steps[name] = ready[best];
    return { best, settings: times };
  },
  time: async ({ name, seconds }) => ({ median: name === "first" ? fresh.run() : await measure(steps[name], seconds) }),
};

await tf.setBackend("wasm");
await tf.ready();
tf.enableProdMode();
if (first) {
  const model = sequential({ layers: mlp() });
  await model.predict(tf.zeros([1, 784])).data();
  console.log(performance.now() - began);
  process.exit(0);
}
addKernels();
// What libraries print goes to stderr: stdout carries answers and nothing else.
console.log = console.info = console.warn = console.error;
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const command = JSON.parse(line);
    answer = await actions[command.cmd](command);
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
