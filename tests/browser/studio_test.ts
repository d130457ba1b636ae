/** The studio in Chromium: its samples learn, a closed page goes on, files of each kind are read, errors are told. */
import { serveSite } from "../../examples/site.ts";
import { site } from "../../examples/studio/site.ts";
import { OrtTrainer } from "../../export/train/mod.ts";
import { writeSafetensors } from "../../export/safetensors/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { type Chromium, chromiumTest } from "./chromium.ts";
import { driven } from "./studio_drive.ts";

/** A model of x [batch, 8] to logits [batch, 4]. */
const MODEL = await Deno.readFile(new URL("../../docs/classifier.onnx", import.meta.url));

let files: ReturnType<typeof site> | undefined;

/** What visits of the page, opened with a sample, report one after another. What they keep is theirs alone. */
async function visits(
  chromium: Chromium,
  sample: string,
  works: readonly string[],
  more: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [],
  // deno-lint-ignore no-explicit-any
): Promise<any[]> {
  await using served = serveSite(new Map([...await (files ??= site()), ...more]), 0);
  const values = [];
  for (const work of works) {
    const { report } = await chromium.visit(`${served.address}#${sample}`, {
      before: driven(work),
      // Beside other tests.
      patience: 300_000,
    });
    const { value, error } = JSON.parse(report);
    assertEquals(error, undefined);
    values.push(value);
  }
  return values;
}

/** Draws lines on the pad, of places from 0 to 1. */
const DRAW = `
  const draw = async (lines) => {
    button("Clear").click();
    const pad = document.querySelector(".pad");
    pad.setPointerCapture = () => {};
    const { left, top, width, height } = pad.getBoundingClientRect();
    const at = (type, [x, y]) => pad.dispatchEvent(new PointerEvent(type, {
      clientX: left + x * width, clientY: top + y * height, buttons: 1, bubbles: true }));
    for (const [first, ...rest] of lines) {
      at("pointerdown", first);
      for (const each of rest) at("pointermove", each);
      at("pointerup", rest.at(-1));
    }
    const said = document.querySelector(".said");
    await until(() => said.textContent.startsWith("It reads"), "read");
    return said.textContent;
  };
  const arc = (x, y, across, up, from, to) => Array.from({ length: 25 }, (_, i) => {
    const angle = Math.PI * (from + (to - from) * i / 24);
    return [x + across * Math.cos(angle), y - up * Math.sin(angle)];
  });
`;

chromiumTest("each sample of the studio learns with what the page opens with", async (chromium) => {
  const [{ digits, read }] = await visits(chromium, "digits", [
    `${DRAW}
    await ready();
    await train();
    const digits = last();
    const read = [
      await draw([[[0.52, 0.15], [0.48, 0.85]]]),
      await draw([arc(0.5, 0.5, 0.2, 0.33, 0.5, 2.5)]),
      await draw([[[0.25, 0.2], [0.72, 0.2], [0.45, 0.85]]]),
      await draw([[...arc(0.5, 0.32, 0.2, 0.17, 0.9, -0.25), [0.28, 0.82], [0.75, 0.82]]]),
    ];
    return { digits, read };`,
  ]);
  const [moons] = await visits(chromium, "moons", [
    "await ready(); await train(); return last();",
  ]);
  const [{ text, colours }] = await visits(chromium, "text", [
    `await ready();
    set("Steps", 100);
    await train();
    document.querySelector("#try form button").click();
    await until(() => document.querySelector("#try pre").textContent.length > 250, "writing");
    return { text: last(), colours: document.querySelectorAll(".chart .curve").length };`,
  ]);
  assert(digits["Held-out accuracy"] > 95, `digits: ${digits["Held-out accuracy"]} %`);
  assertEquals(read.map((said: string) => said[9]), ["1", "0", "7", "2"], read.join(" "));
  assert(moons["Held-out accuracy"] > 97, `moons: ${moons["Held-out accuracy"]} %`);
  // Of as many characters by chance it would be 4.7.
  assert(text["Held-out loss"] < 2.7, `text: ${text["Held-out loss"]}`);
  assertEquals(colours, 3);
});

chromiumTest(
  "a closed page of the studio goes on from its last save, with the same numbers",
  async (chromium) => {
    const begin = `
    await ready();
    set("Steps", 120);
    set("Steps from one save to the next", 20);
    set("Runs on", "The processor (WebAssembly)");`;
    const values = await visits(chromium, "moons", [
      `${begin}
    press("train");
    await until(() => saved() >= 40 && step() > saved(), "steps after a save");
    return step();`,
      `await until(() => button("Go on", document.getElementById("saved")), "an offer to go on");
    const { losses } = await kept();
    await ready();
    const offered = text("saved");
    button("Go on", document.getElementById("saved")).click();
    await until(() => phase() === "done", "done");
    const left = { isOffered: !document.getElementById("saved").hidden, focus: document.activeElement.id };
    return { before: losses.length, offered, left, ...await kept() };`,
      `${begin}
    await train();
    return await kept();`,
    ]);
    const [closed, resumed, whole] = values;
    assert(resumed.before >= closed - 20, `${resumed.before} of ${closed} steps were kept`);
    assert(resumed.before < 120, "it had ended before the page was closed");
    assertStringIncludes(resumed.offered, `adamw, step ${resumed.before} of 120`);
    assertEquals(resumed.left, { isOffered: false, focus: "train" });
    assertEquals(resumed.losses.length, 120);
    assertEquals(resumed.losses, whole.losses);
    assertEquals(resumed.scores, whole.scores);
  },
);

chromiumTest(
  "the studio reads a file of each kind, races two optimizers, and tells errors",
  async (chromium) => {
    const count = 60;
    const x = Float32Array.from({ length: 8 * count }, (_, i) => Math.fround(Math.sin(i * i)));
    const y = BigInt64Array.from({ length: count }, (_, i) => x[8 * i] > 0 ? 1n : 0n);
    const names = ["red", "green"];
    const rows = Array.from(
      { length: count },
      (_, i) => [...x.subarray(8 * i, 8 * i + 8), names[Number(y[i])]].join(","),
    );
    const encoded = (text: string) => new TextEncoder().encode(text);
    const values = await visits(
      chromium,
      "moons",
      [
        `const file = async (name) => new File([await (await fetch(name)).blob()], name);
    const facts = () => text("data");
    const told = (...all) => until(
      () => phase() === "ready" && [...all, "examples: "].every((what) => facts().includes(what)),
      all.join(" and "),
    );
    await ready();

    drop(await file("broken.onnx"));
    await until(() => !document.getElementById("error").hidden, "error");
    const broken = text("error");
    button("Close").click();
    await ready();

    drop(await file("model.onnx"));
    await until(() => text("status").includes("needs examples"), "error");
    drop(await file("table.csv"));
    await told("table.csv");
    const table = facts();
    set("Optimizer", "lion", document.getElementById("optimizer"));
    press("is-race");
    set("Steps", 12);
    await ready();
    await train();
    const race = { status: text("status"), curves: document.querySelectorAll(".chart .curve").length };
    press("is-race");

    drop(await file("x.npy"), await file("y.npy"));
    await told("2 files");
    const arrays = facts();
    drop(await file("data.safetensors"));
    await told("data.safetensors");
    const tensors = facts();
    drop(await file("wrong.csv"));
    await until(() => !document.getElementById("error").hidden, "error");
    const wrong = text("error");
    button("Close").click();

    const image = (label, i) => new Promise((resolve) => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 40 });
      canvas.getContext("2d").fillRect(0, 0, 10 * label, 40);
      canvas.toBlob((blob) => {
        const file = new File([blob], i + ".png");
        Object.defineProperty(file, "webkitRelativePath", { value: "pictures/" + label + "/" + i + ".png" });
        resolve(file);
      });
    });
    await choose("digits");
    const pictures = await Promise.all(Array.from({ length: 20 }, (_, i) => image(i % 2, i)));
    const input = document.querySelector("input[webkitdirectory]");
    Object.defineProperty(input, "files", { value: pictures });
    input.dispatchEvent(new Event("change"));
    await told("20 files");
    const images = facts();
    await choose("text");
    drop(new File(["The cat sat on the mat. ".repeat(60)], "cat.txt"));
    await told("cat.txt");
    const written = facts();
    return { broken, table, race, arrays, tensors, wrong, images, written };`,
      ],
      [
        ["broken.onnx", MODEL.slice(0, 1000)],
        ["model.onnx", MODEL],
        ["table.csv", encoded(`a,b,c,d,e,f,g,h,colour\n${rows.join("\n")}\n`)],
        ["wrong.csv", encoded("a,b\n1,2\n3,4\n")],
        ["x.npy", npy("<f4", [count, 8], x)],
        ["y.npy", npy("<i8", [count], y)],
        [
          "data.safetensors",
          writeSafetensors({
            x: { dtype: "F32", shape: [count, 8], data: x },
            y: { dtype: "I64", shape: [count], data: y },
          }),
        ],
      ],
    );
    const [{ broken, table, race, arrays, tensors, wrong, images, written }] = values;
    assertStringIncludes(broken, "must be an ONNX model");
    assertStringIncludes(table, "2 classes: green, red");
    assertStringIncludes(race.status, "lion:");
    assertStringIncludes(race.status, "sgd:");
    // Loss of each in training and held out, and of each the accuracy.
    assertEquals(race.curves, 6);
    for (const told of [arrays, tensors]) {
      assertStringIncludes(told, "60 examples: x [8] float32; y [] int64");
    }
    assertStringIncludes(wrong, "column");
    assertStringIncludes(images, "20 images were brought to 28 × 28 pixels");
    assertStringIncludes(written, "22 examples: x [64]");
  },
);

chromiumTest(
  "what the studio gives to download fits together, and keys find their way",
  async (chromium) => {
    const values = await visits(chromium, "moons", [
      `await ready();
    document.querySelectorAll("details").forEach((each) => each.open = true);
    const nameless = unnamed();
    set("Steps", 12);
    document.getElementById("train").focus();
    await train();
    await until(() => document.querySelectorAll("#downloads button").length === 3, "buttons");
    return { nameless: [...nameless, ...unnamed()], focus: document.activeElement.id, files: await downloaded() };`,
    ]);
    const [{ nameless, focus, files }] = values;
    assertEquals(nameless, []);
    assertEquals(focus, "train");
    const given = Object.fromEntries(
      files.map(([name, bytes]: [string, number[]]) => [name, Uint8Array.from(bytes)]),
    );
    assertEquals(Object.keys(given).sort(), [
      "moons-adamw-checkpoint.safetensors",
      "moons-adamw-step.onnx",
      "moons-adamw-trained.onnx",
    ]);
    // The training graph goes on from the checkpoint, and its model is the trained one.
    const trainer = await OrtTrainer.load(given["moons-adamw-step.onnx"]);
    assert(
      (await trainer.model()).some((byte, i) => byte !== given["moons-adamw-trained.onnx"][i]),
    );
    await trainer.restore(given["moons-adamw-checkpoint.safetensors"]);
    assertEquals(trainer.count, 12);
    assertEquals(await trainer.model(), given["moons-adamw-trained.onnx"]);
    await trainer.dispose();
  },
);

chromiumTest("the studio trains on WebGPU as on WebAssembly", async (chromium) => {
  const losses = (device: string) => `
    await ready();
    set("Steps", 10);
    set("Runs on", "${device}");
    await train();
    return {
      losses: (await kept()).losses,
      status: text("status"),
      adapter: !!await navigator.gpu?.requestAdapter(),
    };`;
  const values = await visits(
    chromium,
    "moons",
    [
      losses("The processor (WebAssembly)"),
      losses("The GPU (WebGPU)"),
    ],
  );
  const [wasm, webgpu] = values;
  assert(webgpu.adapter, "Chromium has no WebGPU adapter");
  assertStringIncludes(wasm.status, "Trained on the processor");
  assertStringIncludes(webgpu.status, "Trained on the GPU");
  assertEquals(webgpu.losses.length, 10);
  webgpu.losses.forEach(([, loss]: number[], i: number) => {
    const [, expected] = wasm.losses[i];
    assert(Math.abs(loss - expected) < 1e-4 * expected, `${loss}, not ${expected}`);
  });
}, "webgpu");

/** An array as NumPy saves it. */
function npy(
  descr: string,
  shape: readonly number[],
  { buffer }: Float32Array | BigInt64Array,
): Uint8Array<ArrayBuffer> {
  const sizes = shape.map((size) => `${size},`).join("");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const header = new TextEncoder().encode(text.padEnd(117) + "\n");
  const magic = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length, 0];
  return Uint8Array.of(...magic, ...header, ...new Uint8Array(buffer));
}
