/** Recurrent modules and layers beside their numbers: mistakes, masks within models, states that are kept, and that they learn. */
import { describe, expect, test } from "vitest";
import { compile, concat, layers, nn, normal, optim, seed, sequential, tensor, type Tensor, uniform, zeros } from "../src/index.ts";

const numbers = (x: Tensor): number[] => [...x.dataSync()];

describe("recurrent modules", () => {
  test("print what they were made with", () => {
    expect(String(new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true }))).toBe("LSTM(3, 4, numLayers=2, bidirectional=true)");
    expect(String(new nn.GRUCell(3, 4, { bias: false }))).toBe("GRUCell(3, 4, bias=false)");
  });

  test("drop between layers, in training only", () => {
    seed(1);
    const net = new nn.GRU(3, 8, { numLayers: 2, dropout: 0.5 });
    const x = normal([4, 2, 3]);
    expect(numbers(net.forward(x)[0])).not.toEqual(numbers(net.forward(x)[0]));
    net.eval();
    expect(numbers(net.forward(x)[0])).toEqual(numbers(net.forward(x)[0]));
  });

  test("say what does not fit", () => {
    const net = new nn.LSTM(3, 4);
    expect(() => net.forward(zeros([5, 2, 4]))).toThrow(/LSTM\(3 → 4\): expected \[time, batch, 3\], got \[5, 2, 4\]/);
    expect(() => net.forward(zeros([3]))).toThrow(/expected \[time, batch, 3\] or \[time, 3\], got \[3\]/);
    expect(() => net.forward(zeros([5, 2, 3]), zeros([1, 2, 4]) as never)).toThrow(/the state must be \[h, c\]/);
    expect(() => net.forward(zeros([5, 2, 3]), [zeros([1, 2, 4]), zeros([1, 2, 3])])).toThrow(/the state's part 1 must be \[1, 2, 4\].*got \[1, 2, 3\]/);
    expect(() => new nn.RNN(3, 0)).toThrow(/RNN: hiddenSize must be a whole number from 1, got 0/);
    expect(() => new nn.RNN(3, 4, { nonlinearity: "sin" as never })).toThrow(/there is no nonlinearity "sin"; it is "tanh" or "relu"/);
    expect(() => new nn.RNN(3, 4, { dropout: 2 })).toThrow(/dropout is a chance from 0 to 1, got 2/);
    expect(() => new nn.LSTM(3, 4, { projSize: 4 })).toThrow(/projSize must be a whole number from 0 to below hiddenSize \(4\), got 4/);
    expect(() => new nn.LSTMCell(3, 4).forward(zeros([2, 3]), [zeros([2, 3]), zeros([2, 4])])).toThrow(/the state must be \[2, 4\], got \[2, 3\]/);
  });
});

describe("sequences of different lengths", () => {
  const { packPaddedSequence, padPackedSequence, padSequence, packSequence } = nn.utils.rnn;

  test("are padded, packed and unpacked", () => {
    const list = [tensor([1, 2, 3]), tensor([4])];
    expect(padSequence(list).arraySync()).toEqual([[1, 4], [2, 0], [3, 0]]);
    expect(padSequence(list, { batchFirst: true, paddingValue: -1 }).arraySync()).toEqual([[1, 2, 3], [4, -1, -1]]);
    const [back, lengths] = padPackedSequence(packSequence(list), { batchFirst: true, totalLength: 4 });
    expect([back.arraySync(), lengths]).toEqual([[[1, 2, 3, 0], [4, 0, 0, 0]], [3, 1]]);
  });

  test("need lengths that fit", () => {
    expect(() => packPaddedSequence(zeros([3, 2, 1]), [3])).toThrow(/got 1 lengths for a batch of 2/);
    expect(() => packPaddedSequence(zeros([3, 2, 1]), [3, 4])).toThrow(/4 is no length of a sequence padded to 3/);
    expect(() => packPaddedSequence(zeros([3]), [3])).toThrow(/expected \[time, batch, \.\.\.\], got \[3\]/);
    expect(() => padPackedSequence(packSequence([tensor([1, 2])]), { totalLength: 1 })).toThrow(/totalLength is 1, the longest sequence has 2/);
    expect(() => padSequence([])).toThrow(/got no sequences/);
    expect(() => padSequence([zeros([2, 3]), zeros([2, 2])])).toThrow(/sequence 1 is \[2, 2\], sequence 0 \[2, 3\]/);
  });
});

describe("recurrent layers", () => {
  test("pass over what an embedding or a masking layer has masked, through layers in between", () => {
    seed(2);
    const words = sequential([layers.embedding(10, 4, { inputShape: [5], maskZero: true }), layers.dropout(0.3), layers.lstm(3, { returnSequences: true }), layers.gru(2)]).eval();
    expect(numbers(words.forward(tensor([[3, 4, 0, 0, 0]])))).toEqual(numbers(words.forward(tensor([[3, 4, 0, 0, 0]]))));
    const long = numbers(words.forward(tensor([[3, 4, 0, 0, 0]])));
    numbers(words.forward(tensor([[0, 3, 0, 4, 0]]))).forEach((v, i) => expect(v).toBeCloseTo(long[i]!, 6));
    const steps = sequential([layers.masking({ inputShape: [3, 2] }), layers.simpleRNN(2)]);
    const short = numbers(steps.forward(tensor([[[1, 2], [0, 0], [3, 4]]])));
    numbers(steps.forward(tensor([[[1, 2], [3, 4], [0, 0]]]))).forEach((v, i) => expect(v).toBeCloseTo(short[i]!, 6));
  });

  test("that are stateful go on where the batch before has ended, until they forget", () => {
    const layer = layers.gru(3, { stateful: true });
    const x = uniform([2, 4, 5]);
    layer.build([4, 5]);
    const first = numbers(layer.forward(x));
    expect(numbers(layer.forward(x))).not.toEqual(first);
    layer.resetStates();
    expect(numbers(layer.forward(x))).toEqual(first);
  });

  test("start as Keras': the forget gate's bias as ones, recurrent kernels orthogonal", () => {
    const layer = layers.lstm(2);
    layer.build([3, 4]);
    const [, recurrent, bias] = layer.getWeights();
    expect(numbers(bias!)).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
    const product = recurrent!.matmul(recurrent!.permute([1, 0])).arraySync() as number[][];
    product.forEach((row, i) => row.forEach((v, j) => expect(v).toBeCloseTo(i === j ? 1 : 0, 5)));
  });

  test("are fitted, with dropout of inputs and states", async () => {
    seed(3);
    const model = sequential([layers.bidirectional(layers.lstm(4, { dropout: 0.2, recurrentDropout: 0.2 }), { inputShape: [6, 3] }), layers.dense(1)]);
    model.compile({ loss: "mse", optimizer: "adam" });
    const { history } = await model.fit(uniform([32, 6, 3]), zeros([32, 1]), { epochs: 8, verbose: 0 });
    expect(history.loss!.at(-1)!).toBeLessThan(history.loss![0]!);
  });

  test("say what does not fit", () => {
    expect(() => layers.lstm(4).forward(zeros([2, 3]))).toThrow(/expects samples of/);
    expect(() => layers.lstm(4, { dropout: 1 })).toThrow(/dropout is 1; it is a chance from 0 to below 1/);
    expect(() => layers.bidirectional(layers.lstm(4), { mergeMode: "min" as never })).toThrow(/there is no mergeMode "min"/);
    expect(() => layers.rnn(layers.dense(3) as never)).toThrow(/the cell must be a recurrent cell/);
    expect(() => layers.lstm(4).forward(zeros([2, 3, 5]), zeros([2, 4]))).toThrow(/the initial state must be \[1, 4\] and \[1, 4\], got \[1, 4\]/);
  });
});

/** Two numbers of a sequence are marked; their sum is asked for. @source Hochreiter and Schmidhuber (1997), the adding problem */
function adding(batch: number, length: number): [x: Tensor, y: Tensor] {
  const values = uniform([length, batch, 1]);
  const half = length / 2;
  const mark = (n: number): Tensor => uniform([n, batch, 1]).argMax(0, { keep: true }).equal(tensor(Array.from({ length: n }, (_, i) => i)).reshape([n, 1, 1])).to("float32");
  const marks = concat([mark(half), mark(half)]);
  return [concat([values, marks], 2), values.mul(marks).sum(0)];
}

test("an LSTM learns to add two numbers of a sequence", () => {
  seed(5);
  const [lstm, head] = [new nn.LSTM(2, 24), new nn.Linear(24, 1)];
  const optimizer = new optim.Adam([...lstm.parameters(), ...head.parameters()], { lr: 0.01 });
  const step = compile(() => {
    const [x, y] = adding(64, 20);
    const loss = head.forward(lstm.forward(x)[1][0].squeeze(0)).sub(y).square().mean();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  let recent = 1;
  for (let i = 0; i < 700; i++) recent = 0.95 * recent + 0.05 * step().item();
  // Whoever always says 1 is off by 1/6.
  expect(recent).toBeLessThan(0.05);
});
