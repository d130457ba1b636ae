/** Each operation as tfjs spells it, on numbers at the edges of float32. */
import * as tf from "@tensorflow/tfjs-core";
import { operationsOf, spellings } from "../../../adapters/tfjs/ops.ts";
import type { TfTensor } from "../../../adapters/tfjs/tf.ts";
import type { ElementOpName } from "../../../dsl/node.ts";
import { elementOps } from "../../../dsl/ops.ts";
import { assertEquals } from "../../assert.ts";
import { type Departure, faultsOf } from "../laws.ts";
import { on } from "./backends.ts";

/** Where tfjs departs from the op table. */
const DEPARTS: Readonly<Partial<Record<ElementOpName, Departure>>> = {};

for (const name of Object.keys(elementOps) as ElementOpName[]) {
  const { why } = DEPARTS[name] ?? {};
  const title = why === undefined ? "is what the op table says" : `is near it: ${why}`;
  Deno.test(`${name} of tfjs ${title}`, async () => {
    await on("other", () => {
      const array = (values: Float32Array, isTruth: boolean): TfTensor =>
        isTruth ? tf.greater(tf.tensor(values), 0) : tf.tensor(values);
      const numbers = (made: TfTensor) => made.dataSync();
      const library = spellings(operationsOf(tf));
      assertEquals(faultsOf(name, library, array, numbers, DEPARTS[name]), []);
    });
  });
}
