/** Steps of a network that is worth several threads, in a page or as a worker of its own. */
import { compile, engine, layers, nn, optim, seed, sequential, tensor, uniform } from "/cambium.js";

/** The losses, and what the engine says of itself at the end. */
export async function train() {
  seed(7);
  const model = sequential([layers.dense(256, { activation: "relu", inputShape: [256] }), layers.dense(10)]);
  const x = uniform([64, 256]);
  const y = tensor(Int32Array.from({ length: 64 }, (_, i) => (i * 7) % 10));
  model.forward(x);
  const optimizer = new optim.Adam(model.parameters());
  const step = compile((x, y) => {
    const loss = new nn.CrossEntropyLoss().forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses = [];
  for (let i = 0; i < 60; i++) {
    losses.push((await step(x, y).data())[0]);
    // Threads that start, and what goes wrong with them, reach the page between its tasks.
    await new Promise((later) => setTimeout(later, 10));
  }
  return { says: engine().describe(), losses };
}

if (typeof document === "undefined") postMessage(await train());
