/** The door for the classic networks, ready to train: `import { resnet18 } from "cambium/networks"`. */
export { AlexNet, type AlexNetOptions, alexnet } from "./alexnet.ts";
export { ConvAutoencoder, type ConvAutoencoderOptions, convAutoencoder } from "./autoencoder.ts";
export { type AdversarialLosses, type Adversaries, adversarialStep, type DCGANOptions, Discriminator, Generator } from "./dcgan.ts";
export { Denoiser, type DenoiserOptions, denoiser, timeEmbedding } from "./denoiser.ts";
export { type DDIMOptions, Diffusion, type NoisePredictor, type SampleOptions } from "./diffusion.ts";
export { DoubleConv } from "./doubleconv.ts";
export { Enlarge } from "./enlarge.ts";
export { LeNet, type LeNetOptions, lenet5 } from "./lenet.ts";
export { MLP, type MLPOptions, mlp } from "./mlp.ts";
export { InvertedResidual, type MobileNetOptions, MobileNetV2, mobilenetV2 } from "./mobilenet.ts";
export { BasicBlock, Bottleneck, type ResidualBlock } from "./residual.ts";
export { ResNet, type ResNetOptions, resnet101, resnet18, resnet34, resnet50 } from "./resnet.ts";
export { type NoiseScheduleOptions, noiseSchedule } from "./schedule.ts";
export { Seq2Seq, seq2seq, type Seq2SeqOptions } from "./seq2seq.ts";
export { UNet, type UNetOptions, unet } from "./unet.ts";
export { type Bound, type Encoded, gaussianDivergence, negativeELBO, reparameterize, VAE, type VAEOptions, vae } from "./vae.ts";
export { VGG, type VGGOptions, vgg11, vgg13, vgg16, vgg19 } from "./vgg.ts";
