// A network of one hidden layer on MNIST.
import { layers, optimizers, sequential } from "cambium";
import { loadDigits, short } from "./data.ts";

const [[xTrain, yTrain], [xTest, yTest]] = await loadDigits();

const model = sequential([layers.flatten({ inputShape: [28, 28] }), layers.dense(128, { activation: "relu" }), layers.dense(10, { activation: "softmax" })]);
model.compile({ optimizer: optimizers.adam(), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
model.summary();

await model.fit(xTrain.div(255), yTrain, { epochs: short ? 2 : 10, batchSize: 32, validationSplit: 0.1 });
const [loss, accuracy] = await model.evaluate(xTest.div(255), yTest);
console.log("Test loss:", loss);
console.log("Test accuracy:", accuracy);
