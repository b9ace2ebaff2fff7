// A small GPT learns to write like Shakespeare, letter by letter. The text: CAMBIUM_DATA/tiny-shakespeare/input.txt. bench/peer/char_gpt.py is the same in PyTorch.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, gpt, nn, noGrad, optim, seed, type Tensor, tensor } from "cambium";
import { short } from "./data.ts";

const file = join(process.env.CAMBIUM_DATA ?? "", "tiny-shakespeare", "input.txt");
if (!existsSync(file)) {
  console.log(`skipped: ${file} is not here; set CAMBIUM_DATA to a folder that holds tiny-shakespeare/input.txt`);
  process.exit(0);
}
const text = readFileSync(file, "utf8");
const letters = [...new Set(text)].sort();
const codes = Int32Array.from(text, (letter) => letters.indexOf(letter));
const [context, batch] = [128, 16];
const steps = short ? 3 : Number(process.argv[2] ?? 400);
const border = Math.floor(codes.length * 0.9);

/** Stretches of the text that begin at places a small generator draws, the same in PyTorch's program. */
let state = 1;
function stretches(from: number, to: number): [x: Tensor, y: Tensor] {
  const places = Array.from({ length: batch }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return from + (state % (to - from - context - 1));
  });
  const cut = (shift: number): Tensor =>
    tensor(
      places.map((at) => [...codes.subarray(at + shift, at + shift + context)]),
      { dtype: "int32" },
    );
  return [cut(0), cut(1)];
}

seed(0);
const model = gpt({ vocabSize: letters.length, context, layers: 4, heads: 4, dModel: 128, dropout: 0, tied: false });
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
const lossOf = (x: Tensor, y: Tensor): Tensor => criterion.forward(model.forward(x).reshape([-1, letters.length]), y.reshape([-1]));
const step = compile((x: Tensor, y: Tensor) => {
  const loss = lossOf(x, y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});

const began = performance.now();
let sum = 0;
for (let i = 1; i <= steps; i++) {
  sum += step(...stretches(0, border)).item();
  if (i % 50 === 0 || i === steps) {
    console.log(`step ${i}: loss ${(sum / (i % 50 || 50)).toFixed(4)}, ${((performance.now() - began) / i).toFixed(0)} ms a step`);
    sum = 0;
  }
}
state = 7;
const rounds = short ? 1 : 20;
let held = 0;
const measure = compile((x: Tensor, y: Tensor) => noGrad(() => lossOf(x, y)));
for (let i = 0; i < rounds; i++) held += measure(...stretches(border, codes.length)).item();
console.log(`loss on text not seen: ${(held / rounds).toFixed(4)}`);

const start = letters.indexOf("\n");
const written = await model.generate([start], { maxNewTokens: short ? 20 : 300, temperature: 0.8, seed: 1 });
console.log(written.map((i) => letters[i]).join(""));
