// A variational autoencoder on digits: what it takes for one, and new ones drawn from noise.
import { compile, noGrad, optim, seed } from "cambium";
import { negativeELBO, vae } from "cambium/networks";
import { loadDigits, short } from "./data.ts";

seed(1);
const [[images], [testImages]] = await loadDigits();
const x = images.div(255).reshape([-1, 784]);
const xTest = testImages.div(255).reshape([-1, 784]).slice([0], [64]);

const model = vae({ hidden: [400], latent: 20 });
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
const step = compile((batch) => {
  const { loss, reconstruction, divergence } = negativeELBO(model.forward(batch), batch);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return { loss, reconstruction, divergence };
});

const [epochs, batchSize] = short ? [10, 32] : [10, 128];
const batches = Math.floor(x.shape[0]! / batchSize);
for (let epoch = 1; epoch <= epochs; epoch++) {
  const sums = { loss: 0, reconstruction: 0, divergence: 0 };
  for (let i = 0; i < batches; i++) {
    const parts = step(x.slice([i * batchSize], [(i + 1) * batchSize]));
    for (const name of ["loss", "reconstruction", "divergence"] as const) sums[name] += parts[name].item() / batches;
  }
  if (epoch % (short ? 5 : 1) === 0)
    console.log(
      `epoch ${epoch}: bound ${sums.loss.toFixed(1)} nats = reconstruction ${sums.reconstruction.toFixed(1)} + divergence ${sums.divergence.toFixed(1)}`,
    );
}

model.eval();
noGrad(() => {
  console.log(`on digits it has not seen: ${negativeELBO(model.forward(xTest), xTest).loss.item().toFixed(1)} nats`);
  console.log("a new digit:");
  const pixels = model.sample(1).dataSync();
  for (let row = 0; row < 28; row += 2)
    console.log(Array.from({ length: 28 }, (_, i) => " .:+#@"[Math.min(5, Math.floor(pixels[row * 28 + i]! * 6))]).join(""));
});
