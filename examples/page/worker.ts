// The worker of the page: the model, the data, and what the page wants to see of them.
import { datasets, engine, grad, layers, listModels, noGrad, optimizers, removeModel, type Sequential, sequential, serve, type Tensor, tensor } from "cambium";

type Digits = Awaited<ReturnType<typeof datasets.digits>>;

const sets = {
  drawn: () => datasets.digits({ train: 12_000, test: 1_000 }),
  mnist: () => datasets.mnist({ from: new URL("mnist/", import.meta.url).href }),
};

const loaded = new Map<keyof typeof sets, Promise<Digits>>();
function load(name: keyof typeof sets): Promise<Digits> {
  const digits = loaded.get(name) ?? sets[name]();
  loaded.set(name, digits);
  return digits;
}

/** As many images as a page needs to learn digits, as numbers from 0 to 1. */
async function part(name: keyof typeof sets, which: 0 | 1, count: number): Promise<[x: Tensor, y: Tensor]> {
  const [x, y] = (await load(name))[which];
  return [x.slice([0], [count]).div(255).reshape([-1, 28, 28, 1]), y.slice([0], [count])];
}

function makeModel(): Sequential {
  const model = sequential([
    layers.conv2d(12, [5, 5], { activation: "relu", inputShape: [28, 28, 1] }),
    layers.maxPooling2d([2, 2]),
    layers.conv2d(24, [3, 3], { activation: "relu" }),
    layers.maxPooling2d([2, 2]),
    layers.flatten(),
    layers.dropout(0.3),
    layers.dense(10),
    layers.softmax(),
  ]);
  model.compile({ optimizer: optimizers.adam({ learningRate: 2e-3 }), loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

/** What layers `from` to before `to` make of `x`. */
const through = (model: Sequential, from: number, to: number, x: Tensor): Tensor => model.layers.slice(from, to).reduce((y, layer) => layer.forward(y), x);

export const service = serve({
  model: makeModel,
  data: {
    drawn: () => part("drawn", 0, 12_000),
    drawnTest: () => part("drawn", 1, 1_000),
    mnist: () => part("mnist", 0, 30_000),
    mnistTest: () => part("mnist", 1, 2_000),
  },
  calls: {
    about: (model) => ({ engine: engine().describe(), parameters: model.countParams(), epochs: model.epochsTrained }),

    kept: () => listModels("indexeddb://"),
    remove: (_, address: string) => removeModel(address),

    /** An image to be recognised, from those the model does not learn from. */
    async sample(_, name: keyof typeof sets) {
      const [x, y] = (await load(name))[1];
      const at = Math.floor(Math.random() * x.shape[0]!);
      return { pixels: x.slice([at], [at + 1]).reshape([28, 28]), digit: y.slice([at], [at + 1]).item() };
    },

    /** Scores of an image, and why: what of it speaks for the best class. */
    look(model, pixels: Float32Array) {
      model.eval();
      const x = tensor(pixels).reshape([1, 28, 28, 1]);
      const scores = noGrad(() => model.forward(x)).reshape([10]);
      const best = scores.argMax(0).item();
      const maps = noGrad(() => through(model, 0, 3, x));
      // Grad-CAM (Selvaraju et al., 2017): maps of the last convolution, each as strong as the class's score rises with it.
      const rise = grad((maps: Tensor) =>
        through(model, 3, 7, maps)
          .slice([0, best], [1, best + 1])
          .sum(),
      )(maps);
      const heat = maps
        .mul(rise.mean([1, 2], { keep: true }))
        .sum(-1)
        .relu();
      const slopes = grad((x: Tensor) =>
        through(model, 0, 7, x)
          .slice([0, best], [1, best + 1])
          .sum(),
      )(x);
      return {
        scores,
        heat: heat.div(heat.max().add(1e-9)).reshape(heat.shape.slice(1)),
        pull: slopes.mul(x).reshape([28, 28]),
        maps: noGrad(() => through(model, 0, 1, x)).reshape([24, 24, 12]),
        filters: model.getWeights()[0]!.reshape([5, 5, 12]),
      };
    },
  },
});

export type Service = typeof service;
