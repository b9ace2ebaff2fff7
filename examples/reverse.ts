// The encoder-decoder of "Attention is all you need", in small, learns to turn sequences around.
import { compile, nn, optim, randint, seed, type Tensor, translator } from "cambium";
import { short } from "./data.ts";

const [begin, digits, length] = [0, 10, short ? 3 : 8];
seed(0);
const model = translator({ sourceSize: digits + 1, dModel: 64, heads: 4, layers: 2, dimFeedforward: 128, dropout: 0, maxLen: 32 });
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
const criterion = new nn.CrossEntropyLoss();
const step = compile((source: Tensor) => {
  const wanted = source.flip(1);
  // What the decoder sees is one place behind what it has to say.
  const given = wanted.pad([0, 1], [0, 0], begin).slice([0, 0], [source.shape[0]!, length]);
  const loss = criterion.forward(model.forward(source, given).reshape([-1, digits + 1]), wanted.reshape([-1]));
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});

const steps = short ? 5 : 1200;
for (let i = 1; i <= steps; i++) {
  const loss = step(randint([64, length], 1, digits + 1)).item();
  if (i % 200 === 0 || i === steps) console.log(`step ${i}: loss ${loss.toFixed(4)}`);
}
const source = (await randint([200, length], 1, digits + 1).array()) as number[][];
const turned = await model.translate(source, { begin, maxNewTokens: length });
const right = turned.filter((made, i) => made.every((digit, j) => digit === source[i]![length - 1 - j])).length;
console.log(`${source[0]!.join(" ")} becomes ${turned[0]!.join(" ")}; ${right} of ${source.length} turned around`);
