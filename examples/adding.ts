// The adding problem: two numbers of a sequence of 100 are marked, their sum is asked for. An LSTM can carry the first over to the second; a plain recurrent network forgets it on the way.
// Hochreiter and Schmidhuber, "Long short-term memory" (1997).
import { compile, concat, nn, optim, seed, type Tensor, tensor, uniform } from "cambium";

const short = process.argv.includes("--short");
const [length, batch, steps] = short ? [10, 16, 20] : [100, 64, 6000];

/** x [length, batch, 2]: numbers, and marks on one of the first and one of the second half; y [batch, 1]. */
function adding(): [x: Tensor, y: Tensor] {
  const half = length / 2;
  const numbers = uniform([length, batch, 1]);
  const places = tensor(Array.from({ length: half }, (_, i) => i)).reshape([half, 1, 1]);
  const mark = (): Tensor => uniform([half, batch, 1]).argMax(0, { keep: true }).equal(places).to("float32");
  const marks = concat([mark(), mark()]);
  return [concat([numbers, marks], 2), numbers.mul(marks).sum(0)];
}

const lstm = (): [nn.Module, (x: Tensor) => Tensor] => {
  const net = new nn.LSTM(2, 64);
  return [net, (x) => net.forward(x)[0]];
};
const rnn = (): [nn.Module, (x: Tensor) => Tensor] => {
  const net = new nn.RNN(2, 64);
  return [net, (x) => net.forward(x)[0]];
};

for (const [kind, make] of [["LSTM", lstm] as const, ["RNN", rnn] as const]) {
  seed(1);
  const [net, read] = make();
  const head = new nn.Linear(64, 1);
  const optimizer = new optim.Adam([...net.parameters(), ...head.parameters()], { lr: 3e-3 });
  const step = compile(() => {
    const [x, y] = adding();
    const loss = head
      .forward(
        read(x)
          .slice([length - 1], [length])
          .squeeze(0),
      )
      .sub(y)
      .square()
      .mean();
    optimizer.zeroGrad();
    loss.backward();
    optim.clipGradNorm([...net.parameters(), ...head.parameters()], 1);
    optimizer.step();
    return loss;
  });
  let recent = 1 / 6;
  for (let i = 1; i <= steps; i++) {
    recent = 0.99 * recent + 0.01 * step().item();
    if (i % (steps / 10) === 0) console.log(`${kind}: step ${i}, error ${recent.toFixed(4)} (always saying 1: 0.1667)`);
  }
}
