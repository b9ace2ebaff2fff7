// Linear regression as PyTorch writes it: one weight, one bias, one hundred steps towards 0.
import { nn, optim, type Tensor, tensor } from "cambium";

class SimpleLinearRegression extends nn.Module {
  linear = new nn.Linear(1, 1);

  forward(x: Tensor): Tensor {
    return this.linear.forward(x);
  }
}

const model = new SimpleLinearRegression();
const criterion = new nn.MSELoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
const start = model.forward(tensor([1])).item();

for (let epoch = 0; epoch < 100; epoch++) {
  const loss = criterion.forward(model.forward(tensor([1])), tensor([0]));
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
}

console.log(model.stateDict());
// Each step takes 2 · 0.01 of the prediction off the weight and off the bias, so 0.96 of it is left.
console.log("prediction:", model.forward(tensor([1])).item(), "expected:", start * 0.96 ** 100);
