// The seven steps of learning, by hand: data, model, forward, loss, backward, update, repeat. `fit` does the same.
import { layers, losses, optim, optimizers, seed, sequential } from "cambium";
import { loadDigits, short } from "./data.ts";

const epochs = short ? 2 : 3;
const batchSize = 64;

// 1. data
const [[xBytes, labels]] = await loadDigits();
const n = short ? 160 : 6400;
const x = xBytes.slice([0], [n]).div(255);
const y = labels.slice([0], [n]);

// 2. model
const make = () => {
  seed(7);
  return sequential([layers.flatten({ inputShape: [28, 28] }), layers.dense(64, { activation: "relu" }), layers.dense(10, { activation: "softmax" })]);
};
const model = make();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });

const byHand: number[] = [];
for (let epoch = 0; epoch < epochs; epoch++) {
  let sum = 0;
  for (let from = 0; from < n; from += batchSize) {
    // 3. forward
    const prediction = model.forward(x.slice([from], [from + batchSize]));
    // 4. loss
    const loss = losses.sparseCategoricalCrossentropy(y.slice([from], [from + batchSize]), prediction).mean();
    // 5. backward
    optimizer.zeroGrad();
    loss.backward();
    // 6. update
    optimizer.step();
    sum += loss.item() * Math.min(batchSize, n - from);
  }
  // 7. repeat
  byHand.push(sum / n);
}

const fitted = make();
fitted.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: "sparseCategoricalCrossentropy" });
const { history } = await fitted.fit(x, y, { epochs, batchSize, shuffle: false });
console.log("by hand:", byHand);
console.log("by fit: ", history["loss"]);
