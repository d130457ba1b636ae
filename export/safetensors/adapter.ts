/** Adapters as PEFT keeps them: low-rank factors of weights by the names of the modules, and what they are scaled by. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { parseOnce } from "../../dsl/json.ts";
import type { Tensor } from "../../runtime/trees/leaf.ts";
import { readSafetensors, type SafeTensor } from "./read.ts";
import { type TensorToWrite, writeSafetensors } from "./write.ts";

/** The low-rank factors of one weight. */
export interface Factors<T = Tensor> {
  /** [rank, in]. */
  readonly a: T;
  /** [out, rank]. */
  readonly b: T;
  /** The product of both is scaled by this, divided by the rank; undefined where the file does not say it. */
  readonly alpha: number | undefined;
}

/** What an adapter holds. */
export interface AdapterFile<T = Tensor> {
  /** By the name of the module, which is that of the weight without its last part. */
  readonly factors: ReadonlyMap<string, Factors<T>>;
  /** Whole parameters that were trained beside them, by name. */
  readonly others: ReadonlyMap<string, T>;
}

/** What all names in a file begin with. */
const PREFIX = "base_model.model.";
/** The key of the metadata whose text is what PEFT has in the file `adapter_config.json`. */
const CONFIG = "adapter_config";

/** The module of a weight: `l1` of `l1.weight`, and of `l1.weight_quantized`, as quantizers call it. */
export function moduleOf(weight: string): string {
  return weight.replace(/\.weight(?:_\w+)?$/, "");
}

/** The bytes of an adapter, in whose metadata stands what PEFT has in `adapter_config.json`. */
export function writeAdapter({ factors, others }: AdapterFile): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, TensorToWrite>();
  const rankOf = ({ a }: Factors) => a.shape[0];
  const [first] = factors.values();
  const [ranks, alphas]: Record<string, number | undefined>[] = [{}, {}];
  for (const [module, each] of factors) {
    const { a, b, alpha } = each;
    tensors.set(`${PREFIX}${module}.lora_A.weight`, a as TensorToWrite);
    tensors.set(`${PREFIX}${module}.lora_B.weight`, b as TensorToWrite);
    if (rankOf(each) !== rankOf(first)) ranks[module] = rankOf(each);
    if (alpha !== first.alpha) alphas[module] = alpha;
  }
  for (const [name, each] of others) tensors.set(`${PREFIX}${name}`, each as TensorToWrite);
  const saved = [...new Set([...others.keys()].map((name) => name.replace(/\.[^.]*$/, "")))];
  const config = {
    peft_type: "LORA",
    r: rankOf(first),
    lora_alpha: first.alpha,
    target_modules: [...factors.keys()],
    rank_pattern: ranks,
    alpha_pattern: alphas,
    modules_to_save: saved.length === 0 ? null : saved,
    bias: "none",
    lora_dropout: 0,
    fan_in_fan_out: false,
    inference_mode: true,
  };
  return writeSafetensors(tensors, { format: "pt", [CONFIG]: JSON.stringify(config) });
}

/** Reads an adapter of {@linkcode writeAdapter} or of PEFT. */
export function readAdapter(bytes: Uint8Array, doing: string): AdapterFile<SafeTensor> {
  const { tensors, metadata } = readSafetensors(bytes);
  const alphaOf = alphasIn(metadata.get(CONFIG), doing);
  const parts = new Map<string, { a?: SafeTensor; b?: SafeTensor }>();
  const others = new Map<string, SafeTensor>();
  for (const [key, tensor] of tensors) {
    const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key;
    const [, module, factor] = name.match(/^(.+)\.lora_([AB])(?:\.default)?(?:\.weight)?$/) ?? [];
    if (module === undefined) {
      others.set(name, tensor);
      continue;
    }
    const own = parts.get(module) ?? {};
    parts.set(module, { ...own, [factor.toLowerCase()]: tensor });
  }
  const factors = new Map<string, Factors<SafeTensor>>();
  for (const [module, { a, b }] of parts) {
    const isWhole = a?.shape.length === 2 && b?.shape.length === 2 && a.shape[0] === b.shape[1] &&
      a.shape[0] > 0;
    if (!isWhole) {
      const spell = (each?: SafeTensor) => each === undefined ? "none" : `[${each.shape}]`;
      throw new GradusError(
        `${doing}: the adapter must have \`lora_A\` of shape [rank, in] and \`lora_B\` of shape [out, rank] ` +
          `for ${quoted(module)}: given ${spell(a)} and ${spell(b)}`,
      );
    }
    factors.set(module, { a, b, alpha: alphaOf(module) });
  }
  if (factors.size > 0) return { factors, others };
  throw new GradusError(
    `${doing}: the adapter must have tensors called \`….lora_A.weight\` and \`….lora_B.weight\`: given ` +
      `${[...tensors.keys()].slice(0, 4).map(quoted).join(", ") || "none"}`,
  );
}

/** What the metadata say of how the factors of each module are scaled. */
function alphasIn(
  text: string | undefined,
  doing: string,
): (module: string) => number | undefined {
  if (text === undefined) return () => undefined;
  const refuse = (given: unknown): never => {
    throw new GradusError(
      `${doing}: \`${CONFIG}\` in the metadata of the adapter must be JSON with a number \`lora_alpha\`: ` +
        `given ${shown(given)}`,
    );
  };
  let config: Record<string, unknown> | null;
  try {
    config = parseOnce(text) as Record<string, unknown> | null;
  } catch {
    return refuse(text);
  }
  const { lora_alpha: alpha, alpha_pattern: pattern } = config ?? {};
  const patterns = new Map(Object.entries(pattern ?? {}));
  const numbers = [alpha, ...patterns.values()];
  const wrong = numbers.find((each) => typeof each !== "number" || !Number.isFinite(each));
  if (wrong !== undefined || alpha === undefined) return refuse(wrong);
  return (module) => (patterns.get(module) ?? alpha) as number;
}
