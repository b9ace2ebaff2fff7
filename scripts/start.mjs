// A fresh clone's first light: gets what is missing, trains the MNIST CNN, and shows what it has learnt.
import { join } from "node:path";
import { build, giveUp, prepare, root, say } from "./prepare.mjs";

await prepare();
await build();

const { datasets, engine, layers, losses, optimizers, seed, sequential } = await import("cambium");
const slow = engine().name !== "native";
say(`computing with ${engine().describe()}`);
seed(1);

/** MNIST where it can be had, else digits drawn by our own code. */
async function load() {
  say("looking for MNIST: CAMBIUM_DATA, the cache, then the web");
  try {
    return ["MNIST", await datasets.mnist()];
  } catch (error) {
    say(`${error.code === "data" ? "MNIST is not here and cannot be downloaded" : error.message.split("\n")[0]}: digits drawn by our own code will do`);
    return ["synthetic digits", await datasets.digits()];
  }
}

const [data, sets] = await load();
const images = (x) => x.to("float32").div(255).reshape([-1, 28, 28, 1]);
const part = ([x, y], count) => (x.shape[0] <= count ? [x, y] : [x, y].map((t) => t.slice([0], [count])));
// Without the native engine a taste of the work is what people wait for.
const [[xTrain, yTrain], [xTest, yTest]] = slow ? [part(sets[0], 4000), part(sets[1], 1000)] : sets;

const model = slow
  ? sequential([layers.flatten({ inputShape: [28, 28, 1] }), layers.dense(32, { activation: "relu" }), layers.dense(10, { activation: "softmax" })])
  : sequential([
      layers.conv2d(32, [3, 3], { activation: "relu", inputShape: [28, 28, 1] }),
      layers.maxPooling2d([2, 2]),
      layers.conv2d(64, [3, 3], { activation: "relu" }),
      layers.maxPooling2d([2, 2]),
      layers.flatten(),
      layers.dense(128, { activation: "relu" }),
      layers.dropout(0.5),
      layers.dense(10, { activation: "softmax" }),
    ]);
model.compile({ loss: losses.categoricalCrossentropy, optimizer: optimizers.adam(), metrics: ["accuracy"] });
model.summary();

const epochs = Number(process.env.CAMBIUM_EPOCHS) || (slow ? 4 : 12);
say(`training on ${xTrain.shape[0].toLocaleString("en-US")} images (${data}) for ${epochs} epochs; Ctrl-C ends it early`);
if (slow) say("that is a small network and a part of the data: more would take the slower engine too long");
const begin = performance.now();
await model.fit(images(xTrain), yTrain.oneHot(10), { epochs, batchSize: slow ? 32 : 128, validationSplit: 0.1 });
const seconds = (performance.now() - begin) / 1000;

const x = images(xTest);
const [, accuracy] = await model.evaluate(x, yTest.oneHot(10), { verbose: 0 });
const predicted = await (await model.predict(x)).argMax(1).data();
const labels = await yTest.data();
const pixels = await xTest.data();

/** A digit as seven lines of half blocks: each character is two pixels, each pixel four of the image. */
function draw(at) {
  const ink = (row, column) => {
    let sum = 0;
    for (const r of [0, 1]) for (const c of [0, 1]) sum += pixels[at * 784 + (2 * row + r) * 28 + 2 * column + c];
    return sum > 4 * 90;
  };
  return Array.from({ length: 7 }, (_, line) =>
    Array.from({ length: 14 }, (_, c) => " ▀▄█"[(ink(2 * line, c) ? 1 : 0) + (ink(2 * line + 1, c) ? 2 : 0)]).join(""),
  );
}

const wrong = predicted.findIndex((digit, i) => digit !== labels[i]);
const shown = [0, 1, 2, 3, ...(wrong > 3 ? [wrong] : [4])];
const captions = shown.map((i) => `says ${predicted[i]}, is ${labels[i]}`.padEnd(14));
console.log();
for (const line of Array.from({ length: 7 }, (_, row) => shown.map((i) => draw(i)[row]).join("  "))) console.log(line.trimEnd());
console.log(captions.join("  ").trimEnd());
console.log();

const place = join("models", slow ? "mnist-mlp" : "mnist-cnn");
try {
  await model.save(join(root, place));
} catch (error) {
  giveUp(error.message);
}
say(`test accuracy ${(100 * accuracy).toFixed(2)} % on ${labels.length.toLocaleString("en-US")} unseen images, after ${seconds.toFixed(0)} s of training`);
say(`the model is in ${place}; \`const model = await loadModel("${place}")\` brings it back`);
say("next: examples/ holds more programs (npx tsx examples/<name>.ts), README.md tells the rest, npm test checks everything");
