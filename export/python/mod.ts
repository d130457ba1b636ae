/**
 * Programs as source code of Python: an optimizer that was written or found here, for the machines where PyTorch,
 * Optax, MLX or Keras runs.
 *
 * @module
 */
export { type PythonOptions, type PythonTarget, toPython } from "./to_python.ts";
