// The small convolutional network on MNIST, labels as class numbers.
import { layers, sequential } from "cambium";
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
  layers.dense(10, { activation: "softmax" }),
]);
model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
model.summary();

await model.fit(x, yTrain, { epochs: short ? 1 : 10, batchSize: 128, validationSplit: 0.1 });
const [loss, accuracy] = await model.evaluate(xTest, yTest);
console.log("Test loss:", loss);
console.log("Test accuracy:", accuracy);
