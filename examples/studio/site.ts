/** The files of the page: its scripts in bundles, ONNX Runtime, the digits and the text of the samples. */
import { loadDigits, PIXELS } from "../digits.ts";

/** Files by their names, as any static host may serve them. */
export type Site = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The builds of ONNX Runtime that a worker may ask for, beside its script. */
const RUNTIMES = ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.jspi"]
  .concat("ort-wasm-simd-threaded.asyncify");
const MARKUP = ["index.html", "style.css"];
/** What the character GPT reads at first: what is written about this library. */
const TEXTS = ["README.md", "docs/language.md", "docs/architecture.md", "docs/training.md"];

const here = (name: string) => new URL(name, import.meta.url);

/** Makes all files. */
export async function site(): Promise<Site> {
  const runtime = import.meta.resolve("onnxruntime-web/jspi");
  const [page, worker, ...rest] = await Promise.all([
    bundled("page/main.ts"),
    bundled("worker/main.ts"),
    ...MARKUP.map((name) => Deno.readFile(here(name))),
    ...RUNTIMES.map((name) => Deno.readFile(new URL(`${name}.wasm`, runtime))),
  ]);
  const texts = await Promise.all(TEXTS.map((path) => Deno.readTextFile(here(`../../${path}`))));
  return new Map([
    ["page.js", page],
    ["worker.js", worker],
    ...[...MARKUP, ...RUNTIMES.map((name) => `${name}.wasm`)].map((name, i) =>
      [name, rest[i]] as const
    ),
    ["text.txt", new TextEncoder().encode(texts.join("\n"))],
    ["digits.bin", await digits()],
  ]);
}

/** One script with all that it imports. */
async function bundled(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform=browser", "--minify", here(path).href],
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return stdout;
}

/** The images of all digits, a byte a pixel, then a byte for the digit of each. */
async function digits(): Promise<Uint8Array<ArrayBuffer>> {
  const { train, test } = loadDigits();
  const [images, labels] = [train, test].reduce(
    ([images, labels], part) => [[...images, part.images], [...labels, part.labels]],
    [[] as Float32Array[], [] as Uint8Array[]],
  );
  const count = train.count + test.count;
  const bytes = new Uint8Array(count * (PIXELS + 1));
  let at = 0;
  for (const part of images) for (const grey of part) bytes[at++] = Math.round(255 * grey);
  for (const part of labels) {
    bytes.set(part, at);
    at += part.length;
  }
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
