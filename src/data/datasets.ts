import { fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type DigitsOptions, drawDigits } from "./digits.ts";
import type { HostArray } from "./idx.ts";
import { type ImageOptions, type ImageSplit, loadFashionMnist, loadMnist } from "./mnist.ts";

/** `[[x, y], [xTest, yTest]]`, as Keras' `load_data` gives them. */
export type ImageTensors = [train: [x: Tensor, y: Tensor], test: [x: Tensor, y: Tensor]];

/**
 * MNIST: handwritten digits 0 to 9, 60,000 to learn from and 10,000 to be examined on.
 * The files come from the folder `CAMBIUM_DATA`, else from the cache, else they are downloaded once.
 * @shape x [n, 28, 28] uint8, 0 to 255; y [n] uint8
 * @throws a `data` error when the files are neither here nor reachable, a `file` error when one is damaged
 * @source LeCun, Cortes and Burges, the MNIST database
 */
export const mnist = async (options?: ImageOptions): Promise<ImageTensors> => toTensors(await loadMnist(options));

/**
 * Fashion-MNIST: articles of clothing in 10 classes, 60,000 to learn from and 10,000 to be examined on; the files come as for `mnist`.
 * @shape x [n, 28, 28] uint8, 0 to 255; y [n] uint8
 * @throws as `mnist`
 * @source Xiao, Rasul and Vollgraf, "Fashion-MNIST" (2017)
 */
export const fashionMnist = async (options?: ImageOptions): Promise<ImageTensors> => toTensors(await loadFashionMnist(options));

/**
 * Digits 0 to 9 drawn from strokes with seeded distortions: data like MNIST that needs neither file nor net.
 * @shape x [n, 28, 28] uint8, 0 to 255; y [n] uint8
 * @throws a `value` error when a count is not a whole number from 0, or the seed no whole number
 */
export const digits = async (options?: DigitsOptions): Promise<ImageTensors> => toTensors(drawDigits(options));

/** The data sets by name. */
export const datasets: { mnist: typeof mnist; fashionMnist: typeof fashionMnist; digits: typeof digits } = { mnist, fashionMnist, digits };

const toTensor = ({ data, shape, dtype }: HostArray): Tensor => fromArray(data, shape, { dtype });

const toTensors = ({ train, test }: ImageSplit): ImageTensors => [
  [toTensor(train.images), toTensor(train.labels)],
  [toTensor(test.images), toTensor(test.labels)],
];
