/** The files of the page: its scripts in bundles, ONNX Runtime, the digits and the text of the samples. */
import { printStatements } from "../../dsl/print.ts";
import { STYLE } from "../../search/page/style.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";
import { loadDigits } from "../digits.ts";
import { bundled, type Site } from "../site.ts";

/** What a worker asks ONNX Runtime for, beside its script. */
const RUNTIME = [
  "ort-wasm-simd-threaded.mjs",
  ...["", ".jspi", ".asyncify"].map((build) => `ort-wasm-simd-threaded${build}.wasm`),
];
const here = (name: string) => new URL(name, import.meta.url);

/** Makes all files. */
export async function site(): Promise<Site> {
  const runtime = import.meta.resolve("onnxruntime-web/jspi");
  const encoded = (text: string) => new TextEncoder().encode(text);
  const files: Readonly<Record<string, Promise<Uint8Array<ArrayBuffer>>>> = {
    "index.html": Deno.readFile(here("index.html")),
    "style.css": Deno.readTextFile(here("style.css")).then((own) => encoded(`${STYLE}\n${own}`)),
    "page.js": bundled(here("page/main.ts")),
    "worker.js": bundled(here("worker/main.ts")),
    "text.txt": Promise.resolve(encoded(optimizers())),
    "digits.bin": digits(),
    ...Object.fromEntries(RUNTIME.map((name) => [name, Deno.readFile(new URL(name, runtime))])),
  };
  return new Map(
    await Promise.all(
      Object.entries(files).map(async ([name, bytes]) => [name, await bytes] as const),
    ),
  );
}

/** What the character GPT reads at first: what each optimizer is, and its program. */
function optimizers(): string {
  return [...BUILT_IN.values()].map(({ program: { name, doc, source, statements } }) =>
    [name, doc, source, printStatements(statements), ""].join("\n")
  ).join("\n");
}

/** The images of all digits, a byte a pixel, then a byte for the digit of each; packed. */
async function digits(): Promise<Uint8Array<ArrayBuffer>> {
  const { train, test } = loadDigits();
  const parts = [
    ...[train, test].map(({ images }) => Uint8Array.from(images, (grey) => Math.round(255 * grey))),
    ...[train, test].map(({ labels }) => new Uint8Array(labels)),
  ];
  const packed = new Blob(parts).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
