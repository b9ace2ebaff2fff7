// ResNet-18 on small colour images: the subset of CIFAR-10 in the folder CAMBIUM_DATA, or else digits in colour.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { compile, concat, datasets, nn, noGrad, optim, seed, type Tensor, tensor } from "cambium";
import { resnet18 } from "cambium/networks";
import { short } from "./data.ts";

seed(1);

/** Records of a label and 3 × 32 × 32 pixels, as CIFAR-10's binary version has them. */
function read(file: string): [x: Tensor, y: Tensor] {
  const bytes = gunzipSync(readFileSync(join(process.env["CAMBIUM_DATA"] ?? "", "cifar10-subset", file)));
  const records = tensor(new Uint8Array(bytes)).reshape([-1, 3073]);
  const n = records.shape[0]!;
  return [records.slice([0, 1], [n, 3073]).reshape([n, 3, 32, 32]), records.slice([0, 0], [n, 1]).reshape([n]).to("int32")];
}

async function load(): Promise<[train: [Tensor, Tensor], test: [Tensor, Tensor]]> {
  try {
    return [read("train_4000.bin.gz"), read("test_1000.bin.gz")];
  } catch (error) {
    console.error(`CIFAR-10 is not here, so digits are used (${(error as Error).message})`);
    const [train, test] = await datasets.digits({ train: 1000, test: 200 });
    const coloured = ([x, y]: [Tensor, Tensor]): [Tensor, Tensor] => {
      const images = x.pad([0, 2, 2], [0, 2, 2]).expandDims(1);
      return [concat([images, images, images], 1), y.to("int32")];
    };
    return [coloured(train), coloured(test)];
  }
}

const [[bytes, labels], [testBytes, testLabels]] = await load();
const [count, testCount] = short ? [96, 64] : [bytes.shape[0]!, testBytes.shape[0]!];
const scaled = (x: Tensor): Tensor => x.div(255).sub(0.47).div(0.25);
const x = scaled(bytes.slice([0], [count]));
const xTest = scaled(testBytes.slice([0], [testCount]));

const model = resnet18({ numClasses: 10, stem: "small", width: short ? 8 : 32 });
console.log(
  `${model
    .parameters()
    .reduce((n, p) => n + p.size, 0)
    .toLocaleString("en")} parameters`,
);
const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 });
const criterion = new nn.CrossEntropyLoss();
const step = compile((images, truth) => {
  const loss = criterion.forward(model.forward(images), truth);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});

const [epochs, batchSize] = short ? [4, 32] : [10, 64];
const batches = Math.floor(count / batchSize);
for (let epoch = 1; epoch <= epochs; epoch++) {
  let sum = 0;
  for (let i = 0; i < batches; i++) sum += step(x.slice([i * batchSize], [(i + 1) * batchSize]), labels.slice([i * batchSize], [(i + 1) * batchSize])).item();
  console.log(`epoch ${epoch}: loss ${(sum / batches).toFixed(3)}`);
}

model.eval();
let right = 0;
for (let from = 0; from < testCount; from += 50) {
  const to = Math.min(from + 50, testCount);
  const said = noGrad(() => model.forward(xTest.slice([from], [to])).argMax(1));
  right += said
    .equal(testLabels.slice([from], [to]).to(said.dtype))
    .to("float32")
    .sum()
    .item();
}
console.log(`of images it has not seen, ${((100 * right) / testCount).toFixed(1)} % are told right (chance: 10 %)`);
