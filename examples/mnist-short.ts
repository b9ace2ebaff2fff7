// The shortest way from bytes to a trained network: names for everything, pixels as they come.
import { layers, sequential } from "cambium";
import { loadDigits, short } from "./data.ts";

const [[xTrain, yTrain], [xTest, yTest]] = await loadDigits();

const model = sequential([layers.flatten({ inputShape: [28, 28] }), layers.dense(128, { activation: "relu" }), layers.dense(10, { activation: "softmax" })]);
model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
await model.fit(xTrain, yTrain, { epochs: short ? 2 : 5 });
console.log(await model.evaluate(xTest, yTest));
