// A CommonJS program, in any Node; and what it gets is what import() gets.
const { Tensor, tensor } = require("cambium");
const { Linear } = require("cambium/nn");
import("cambium").then((door) => console.log(tensor([20]).add(22).item(), door.Tensor === Tensor, new Linear(2, 1).weight instanceof Tensor));
