/** A program as somebody writes it who has installed the package: it must pass `strict` with the declarations checked too. */
import { CambiumError, compile, grad, type Tensor, tensor, uniform } from "cambium";
import { Linear, Module, ReLU } from "cambium/nn";

class Perceptron extends Module {
  hidden = new Linear(2, 8);
  relu = new ReLU();
  output = new Linear(8, 1);

  forward(x: Tensor): Tensor {
    return this.output.forward(this.relu.forward(this.hidden.forward(x)));
  }
}

const model = new Perceptron();
const y: Tensor = model.forward(uniform([4, 2]));
y.square().mean().backward();
const shape: readonly number[] = y.shape;
const slope: number = grad((x: Tensor) => x.pow(3).sum())(tensor([2])).item();
const double = compile((x: Tensor) => x.mul(2));

let message = "";
try {
  tensor([[1, 2]]).matmul(tensor([[1, 2]]));
} catch (error) {
  if (error instanceof CambiumError) message = error.message;
}

console.log(
  JSON.stringify({
    shape,
    slope,
    doubled: double(tensor([21])).item(),
    parameters: model.parameters().length,
    gradients: model.parameters().every((p) => p.grad !== undefined),
    message: message.length > 0,
  }),
);
