/** Milliseconds from the import to the first prediction, or step of training, of a small model; in a process of its own. */
const began = performance.now();
const { layers, ones, randint, sequential } = await import("cambium");
const model = sequential([layers.dense(128, { activation: "relu", inputShape: [784] }), layers.dense(10, { activation: "softmax" })]);
if (process.argv[2] === "step") {
  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy" });
  await model.trainOnBatch(ones([32, 784]), randint([32], 0, 10));
} else await (await model.predict(ones([1, 784]))).data();
console.log(performance.now() - began);
