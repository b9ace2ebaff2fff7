/** The door for the classic networks, ready to train: `import { resnet18 } from "cambium/networks"`. */
export { AlexNet, type AlexNetOptions, alexnet } from "./alexnet.ts";
export { LeNet, type LeNetOptions, lenet5 } from "./lenet.ts";
export { MLP, type MLPOptions, mlp } from "./mlp.ts";
export { InvertedResidual, type MobileNetOptions, MobileNetV2, mobilenetV2 } from "./mobilenet.ts";
export { BasicBlock, Bottleneck, type ResidualBlock } from "./residual.ts";
export { ResNet, type ResNetOptions, resnet101, resnet18, resnet34, resnet50 } from "./resnet.ts";
export { VGG, type VGGOptions, vgg11, vgg13, vgg16, vgg19 } from "./vgg.ts";
