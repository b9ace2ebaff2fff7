import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { download } from "./download.ts";
import { gunzip, isGzip } from "./gzip.ts";
import { decodeIdx, type HostArray } from "./idx.ts";
import { openStore, type Store } from "./store.ts";

/** Images [n, 28, 28] of uint8, 0 for the background and 255 for ink, and their classes [n] of uint8. */
export interface ImageSet {
  readonly images: HostArray;
  readonly labels: HostArray;
}

/** What to learn from, and what to be examined on. */
export interface ImageSplit {
  readonly train: ImageSet;
  readonly test: ImageSet;
}

export interface ImageOptions {
  /** Where to download from, in place of the known mirrors: the folder that has the four `.gz` files, such as one of the page's own site. */
  from?: string;
}

/** One file: its name without `.gz`, and the bytes and sha256 of both of its forms. */
interface Source {
  readonly name: string;
  readonly zipped: Sum;
  readonly plain: Sum;
}

interface Sum {
  readonly bytes: number;
  readonly sha256: string;
}

interface Dataset {
  readonly name: string;
  readonly mirrors: readonly string[];
  readonly files: { readonly [part in keyof ImageSplit]: { readonly [what in keyof ImageSet]: Source } };
}

const source = (name: string, zippedBytes: number, zipped: string, plainBytes: number, plain: string): Source => ({
  name,
  zipped: { bytes: zippedBytes, sha256: zipped },
  plain: { bytes: plainBytes, sha256: plain },
});

const mnist: Dataset = {
  name: "mnist",
  mirrors: [
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
  ],
  files: {
    train: {
      images: source(
        "train-images-idx3-ubyte",
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        47040016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      ),
      labels: source(
        "train-labels-idx1-ubyte",
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        60008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      ),
    },
    test: {
      images: source(
        "t10k-images-idx3-ubyte",
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        7840016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      ),
      labels: source(
        "t10k-labels-idx1-ubyte",
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        10008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
      ),
    },
  },
};

const fashionMnist: Dataset = {
  name: "fashion-mnist",
  mirrors: [
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
  ],
  files: {
    train: {
      images: source(
        "train-images-idx3-ubyte",
        26421880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        47040016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      ),
      labels: source(
        "train-labels-idx1-ubyte",
        29515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        60008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      ),
    },
    test: {
      images: source(
        "t10k-images-idx3-ubyte",
        4422102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        7840016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      ),
      labels: source(
        "t10k-labels-idx1-ubyte",
        5148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        10008,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
      ),
    },
  },
};

/**
 * MNIST's handwritten digits, 60,000 to learn from and 10,000 to be examined on.
 * @throws a `data` error when the files are neither here nor reachable, a `file` error when one that is here is damaged
 * @source LeCun, Cortes and Burges, the MNIST database
 */
export const loadMnist = (options?: ImageOptions): Promise<ImageSplit> => load(mnist, options);

/**
 * Fashion-MNIST's articles of clothing, 60,000 to learn from and 10,000 to be examined on.
 * @throws as `loadMnist`
 * @source Xiao, Rasul and Vollgraf, "Fashion-MNIST" (2017)
 */
export const loadFashionMnist = (options?: ImageOptions): Promise<ImageSplit> => load(fashionMnist, options);

async function load(published: Dataset, { from }: ImageOptions = {}): Promise<ImageSplit> {
  const dataset = from === undefined ? published : { ...published, mirrors: [from.endsWith("/") ? from : `${from}/`] };
  const store = openStore();
  const { train, test } = dataset.files;
  return { train: await loadSet(dataset, train, store), test: await loadSet(dataset, test, store) };
}

async function loadSet(dataset: Dataset, files: { images: Source; labels: Source }, store: Store | undefined): Promise<ImageSet> {
  const read = async (file: Source): Promise<HostArray> => decodeIdx(await find(dataset, file, store), `${dataset.name}/${file.name}`);
  const images = await read(files.images);
  const labels = await read(files.labels);
  if (images.shape.length !== 3 || labels.shape.length !== 1 || images.shape[0] !== labels.shape[0])
    throw new CambiumError("file", dataset.name, `images ${show(images.shape)} and labels ${show(labels.shape)} do not belong together`);
  return { images, labels };
}

/** The unzipped content of a file: the user's own, else the cached, else downloaded and kept. */
async function find(dataset: Dataset, file: Source, store: Store | undefined): Promise<Uint8Array> {
  const zipped = `${dataset.name}/${file.name}.gz`;
  const tried: string[] = [];
  if (store?.folder !== undefined)
    for (const path of [zipped, `${dataset.name}/${file.name}`]) {
      const bytes = await store.read(store.folder, path);
      if (bytes) return open(`${store.folder}/${path}`, bytes, file);
      tried.push(`${store.folder}/${path}`);
    }
  if (store) {
    const bytes = await store.read(store.cache, zipped);
    // A damaged copy in the cache is ours to replace, not the user's to hear about.
    const content = bytes && (await open(`${store.cache}/${zipped}`, bytes, file).catch(() => undefined));
    if (content) return content;
    tried.push(`${store.cache}/${zipped}`);
  }
  let content: Uint8Array | undefined;
  const check = async (bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    content = await open("the answer", bytes, file);
  };
  const progress = store && ((done: number) => store.progress(zipped, done, file.zipped.bytes));
  const addresses = dataset.mirrors.map((mirror) => `${mirror}${file.name}.gz`);
  const bytes = await download(zipped, addresses, { check, progress }).catch((error: unknown) => {
    if (!(error instanceof CambiumError)) throw error;
    const problem = error.message.slice(error.where.length + 2);
    throw new CambiumError(
      "data",
      zipped,
      `${tried.length > 0 ? `is not at ${tried.join(" or ")}, and ` : ""}${problem}`,
      store
        ? `set CAMBIUM_DATA to a folder that has ${zipped}, or use datasets.digits(), which is drawn and needs no file`
        : "use datasets.digits(), which is drawn and needs no file",
    );
  });
  // A cache that cannot be written costs a download next time, not this run.
  await store?.keep(zipped, bytes).catch(() => undefined);
  return content!;
}

/** The unzipped content of `bytes`, once it is known to be the published file. */
async function open(where: string, bytes: Uint8Array<ArrayBuffer>, file: Source): Promise<Uint8Array<ArrayBuffer>> {
  const expected = isGzip(bytes) ? file.zipped : file.plain;
  const found = await sha256(bytes);
  // Web pages outside https have no sha256; there the length must do.
  if (found === undefined ? bytes.length === expected.bytes : found === expected.sha256) return isGzip(bytes) ? gunzip(bytes, where) : bytes;
  if (isGzip(bytes)) {
    // Somebody may have zipped the right content anew.
    const content = await gunzip(bytes, where).catch(() => undefined);
    if (content && (await sha256(content)) === file.plain.sha256) return content;
  }
  throw new CambiumError(
    "file",
    where,
    `is damaged or another file: it has ${bytes.length} bytes and sha256 ${found ?? "unknown"}; ${file.name}${isGzip(bytes) ? ".gz" : ""} has ${expected.bytes} bytes and sha256 ${expected.sha256}`,
    "replace it by a fresh copy, or remove it so that it is downloaded",
  );
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  if (!globalThis.crypto?.subtle) return undefined;
  return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
