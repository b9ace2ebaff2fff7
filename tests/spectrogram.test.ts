import { describe, expect, test } from "vitest";
import { initializers, layers, type Tensor, zeros } from "../src/index.ts";
import { revive } from "../src/layers/revive.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  layer: { kind: string; options: Record<string, unknown> };
  weights: (Stored & { name: string })[];
  input: Stored;
  output: Stored;
  outputGradient: Stored;
  gradients: Stored[];
}

const makers = layers as unknown as Record<string, (options: object) => layers.Layer>;

describe("spectra, their kernels and gradients are Keras'", () => {
  test.each(casesOf<Case>("keras/spectrogram").map((c) => [c.name, c] as const))("%s", (_, c) => {
    const first = makers[c.layer.kind]!(c.layer.options);
    const layer = revive("test", JSON.parse(JSON.stringify({ className: first.className, config: first.getConfig() })));
    layer.build(c.input.shape.slice(1));
    const named = [...layer.namedParameters()];
    expect(named.map(([name]) => name)).toEqual(c.weights.map(({ name }) => name));
    named.forEach(([name, weight], i) => expectClose(weight, c.weights[i]!, name, 3e-5));
    const x = restore(c.input, true);
    const y = layer.forward(x) as Tensor;
    y.mul(restore(c.outputGradient)).sum().backward();
    expectClose(y, c.output, "output", 1e-4);
    [x, ...layer.parameters()].forEach((tensor, i) => expectClose(tensor.grad!, c.gradients[i]!, `gradient ${i}`, 1e-3));
  });
});

test("channels first is channels last with its axes moved", () => {
  const options = { frameLength: 8, frameStep: 3 };
  const [last, first] = [layers.stftSpectrogram(options), layers.stftSpectrogram({ ...options, dataFormat: "channelsFirst" })];
  const x = initializers.randomNormal()([2, 20, 3], { in: 1, out: 1 });
  const [a, b] = [last.forward(x) as Tensor, first.forward(x.transpose(1, 2)) as Tensor];
  expect(b.shape).toEqual([2, 15, 5]);
  expect([...b.transpose(1, 2).dataSync()]).toEqual([...a.dataSync()]);
});

test.each<[string, () => unknown, string | RegExp]>([
  ["a mode there is none of", () => layers.stftSpectrogram({ mode: "power" as never }), 'there is no mode "power"'],
  ["a step beyond the frame", () => layers.stftSpectrogram({ frameLength: 8, frameStep: 9 }), "frameStep is 9; it is a whole number from 1 to frameLength, 8"],
  ["a transform shorter than the frame", () => layers.stftSpectrogram({ frameLength: 8, fftLength: 4 }), "fftLength is 4; it is at least frameLength, 8"],
  ["a window there is none of", () => layers.stftSpectrogram({ window: "han" as never }), /there is no window "han"[\s\S]*did you mean "hann"/],
  ["a window of another length", () => layers.stftSpectrogram({ frameLength: 4, window: [1, 2] }), "the window has 2 numbers for frames of 4"],
  ["a scaling there is none of", () => layers.stftSpectrogram({ scaling: "sum" as never }), 'there is no scaling "sum"'],
  ["a signal without channels", () => layers.stftSpectrogram().forward(zeros([2, 300])), /expects samples of \[300, 1\]/],
  ["a mel spectrogram of channels", () => layers.melSpectrogram().forward(zeros([2, 300, 1])), "expects samples of [time], got [300, 1]"],
  ["frames longer than the transform", () => layers.melSpectrogram({ fftLength: 8, sequenceLength: 9 }), "fftLength is 8; it is at least sequenceLength, 9"],
])("%s", (_, mistake, message) => expect(mistake).toThrow(message));
