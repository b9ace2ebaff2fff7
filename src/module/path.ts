/** A field's name as it stands in a state dictionary: PyTorch's snake case, so that `runningMean` meets `running_mean`. */
export const pathOf = (field: string): string =>
  field.replace(/[A-Z]/g, (letter, at: number) => `${at > 0 && field[at - 1] !== "_" ? "_" : ""}${letter.toLowerCase()}`);
