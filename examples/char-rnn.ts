// Letter by letter: an LSTM reads Shakespeare and writes on. With CAMBIUM_DATA the whole of tiny-shakespeare, else a few lines.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, nn, noGrad, optim, seed, type Tensor, tensor } from "cambium";

const short = process.argv.includes("--short");
const file = join(process.env.CAMBIUM_DATA ?? "", "tiny-shakespeare", "input.txt");
const lines = "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\nRough winds do shake the darling buds of May,\n";
const text = !short && process.env.CAMBIUM_DATA && existsSync(file) ? readFileSync(file, "utf8") : lines.repeat(8);
const letters = [...new Set(text)].sort();
const codes = Int32Array.from([...text], (letter) => letters.indexOf(letter));
const [hidden, batch, length, steps] = short ? [32, 4, 24, 10] : [256, 32, 64, 2000];

class CharRNN extends nn.Module {
  embedding = new nn.Embedding(letters.length, 64);
  lstm = new nn.LSTM(64, hidden, { numLayers: 2, batchFirst: true });
  head = new nn.Linear(hidden, letters.length);

  forward(x: Tensor, state?: readonly [Tensor, Tensor]): [logits: Tensor, state: readonly [Tensor, Tensor]] {
    const [output, next] = this.lstm.forward(this.embedding.forward(x), state);
    return [this.head.forward(output), next];
  }
}

seed(1);
const model = new CharRNN();
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
const step = compile((x: Tensor, y: Tensor) => {
  const [logits] = model.forward(x);
  const loss = criterion.forward(logits.reshape([-1, letters.length]), y.reshape([-1]));
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});

const cut = (starts: number[], shift: number): Tensor =>
  tensor(
    starts.map((at) => [...codes.subarray(at + shift, at + shift + length)]),
    { dtype: "int32" },
  );
let recent = Math.log(letters.length);
for (let i = 1; i <= steps; i++) {
  const starts = Array.from({ length: batch }, () => Math.floor(Math.random() * (codes.length - length - 1)));
  recent = 0.98 * recent + 0.02 * step(cut(starts, 0), cut(starts, 1)).item();
  if (i % (steps / 10) === 0) console.log(`step ${i}: ${recent.toFixed(3)} a letter`);
}

model.eval();
let letter = letters.indexOf("\n");
let state: readonly [Tensor, Tensor] | undefined;
let written = "";
for (let i = 0; i < (short ? 20 : 400); i++) {
  const [logits, next] = noGrad(() => model.forward(tensor([[letter]], { dtype: "int32" }), state));
  const chances = logits.reshape([-1]).softmax(0).dataSync();
  state = next;
  let left = Math.random();
  letter = chances.findIndex((p) => (left -= p) < 0);
  if (letter < 0) letter = 0;
  written += letters[letter]!;
}
console.log(written);
