/** The door for PyTorch's `torch.amp`: mixed precision. */
export { autocast, type AutocastDType } from "../../tensor/autocast.ts";
export { GradScaler, type GradScalerOptions } from "../scaler.ts";
