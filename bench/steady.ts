/** Resident memory through many small eager steps: `npm run bench -- steady [steps]`. The loop of P4, its loss read now and then. */
import { nn, optim, type Tensor, tensor } from "cambium";

class SimpleLinearRegression extends nn.Module {
  linear = new nn.Linear(1, 1);

  forward(x: Tensor): Tensor {
    return this.linear.forward(x);
  }
}

const steps = Number(process.argv.slice(2).find((word) => Number(word) > 0) ?? 1_500_000);
const every = Math.max(1, Math.floor(steps / 30));
const model = new SimpleLinearRegression();
const criterion = new nn.MSELoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
const [x, y] = [tensor([1]), tensor([0])];
const resident: number[] = [];
for (let i = 1; i <= steps; i++) {
  const loss = criterion.forward(model.forward(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  if (i % every === 0) {
    resident.push(process.memoryUsage.rss() / 2 ** 20);
    if (!Number.isFinite(loss.item())) throw new Error("the loss is not finite");
  }
}
console.info(`MiB after every ${every} of ${steps} steps: ${resident.map((mib) => mib.toFixed(1)).join(" ")}`);
const settled = resident.slice(Math.floor(resident.length / 5));
console.info(`from a fifth of the way on: ${((100 * Math.max(...settled)) / Math.min(...settled) - 100).toFixed(1)} % between the least and the most`);
