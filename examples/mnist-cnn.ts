// A convolutional network with dropout on MNIST: after Keras' "Simple MNIST convnet".
import { layers, losses, optimizers, sequential } from "cambium";
import { loadDigits, short } from "./data.ts";

const [[xBytes, yTrain], [xTestBytes, yTest]] = await loadDigits();
const x = xBytes.div(255).reshape([-1, 28, 28, 1]);
const xTest = xTestBytes.div(255).reshape([-1, 28, 28, 1]);

const model = sequential([
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

await model.fit(x, yTrain.oneHot(10), { epochs: short ? 1 : 12, batchSize: 128, validationSplit: 0.1 });
const [loss, accuracy] = await model.evaluate(xTest, yTest.oneHot(10));
console.log("Test loss:", loss);
console.log("Test accuracy:", accuracy);
