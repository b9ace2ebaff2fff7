// Denoising diffusion on digits of 14 × 14: a network learns which noise is in an image, and noise becomes digits.
import { compile, noGrad, optim, seed } from "cambium";
import { Diffusion, denoiser } from "cambium/networks";
import { loadDigits, short } from "./data.ts";

seed(1);
const [[images]] = await loadDigits();
const size = 14;
const n = Math.min(images.shape[0]!, short ? 96 : 6400);
// Halved, and from −1 to 1, as the paper has it.
const x = images.slice([0], [n]).div(255).reshape([n, 1, size, 2, size, 2]).mean([3, 5]).mul(2).sub(1);

const model = denoiser({ width: short ? 8 : 32, multipliers: [1, 2] });
const diffusion = new Diffusion({ steps: 100, schedule: "cosine" });
const predict = model.forward.bind(model);
const optimizer = new optim.Adam(model.parameters(), { lr: 2e-3 });
const step = compile((batch) => {
  const loss = diffusion.loss(predict, batch);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});

const [epochs, batchSize] = short ? [10, 32] : [20, 64];
for (let epoch = 1; epoch <= epochs; epoch++) {
  let sum = 0;
  for (let from = 0; from < n; from += batchSize) sum += step(x.slice([from], [from + batchSize])).item();
  if (epoch % 5 === 0) console.log(`epoch ${epoch}: of the noise, ${((100 * sum * batchSize) / n).toFixed(1)} % of the variance is not seen`);
}

model.eval();
noGrad(() => {
  console.log("four images from noise:");
  const pixels = diffusion.ddim(predict, [4, 1, size, size], { steps: short ? 5 : 20 }).dataSync();
  const ink = (v: number): string => " .:+#@"[Math.max(0, Math.min(5, Math.floor((v + 1) * 3)))]!;
  for (let row = 0; row < size; row++)
    console.log([0, 1, 2, 3].map((i) => Array.from({ length: size }, (_, at) => ink(pixels[(i * size + row) * size + at]!).repeat(2)).join("")).join("  "));
});
