/** The kinds of files that hold examples, told apart by how their names end. */
export const DATA_KINDS = {
  table: /\.csv$/i,
  tensors: /\.safetensors$/i,
  arrays: /\.npy$/i,
  text: /\.(txt|md)$/i,
  images: /\.(png|jpe?g|webp|gif|bmp|avif)$/i,
} as const;

/** Whether a file holds examples. */
export function isData(path: string): boolean {
  return Object.values(DATA_KINDS).some((ends) => ends.test(path));
}

/** Whether a file is a model. */
export function isModel(path: string): boolean {
  return /\.onnx$/i.test(path);
}
