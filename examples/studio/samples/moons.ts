/** The sample of two half-moons that reach into each other, with noise: no straight line parts them. */
import { type Dataset, datasetOf } from "../../../trainer/mod.ts";
import { linear, randomly } from "../../models/layers.ts";
import { ModelWriter } from "../../models/writer.ts";

const COUNT = 800;
const HIDDEN = 32;

/** Its network, untrained: points [batch, 2] to scores of the two moons. */
export function moonsModel(): Uint8Array<ArrayBuffer> {
  const random = randomly(1);
  const params = {
    ...linear(random, "hidden1", 2, HIDDEN),
    ...linear(random, "hidden2", HIDDEN, HIDDEN),
    ...linear(random, "output", HIDDEN, 2),
  };
  const to = new ModelWriter();
  const first = to.add("Relu", [to.gemm("x", "hidden1")]);
  const second = to.add("Relu", [to.gemm(first, "hidden2")]);
  const x = { type: "float32", shape: ["batch", 2] } as const;
  return to.finish(x, to.gemm(second, "output"), ["batch", 2], params);
}

/** Its examples. */
export function moonsData(): Dataset {
  const random = randomly(5);
  const x = new Float32Array(2 * COUNT);
  const y = Int32Array.from({ length: COUNT }, (_, i) => i % 2);
  y.forEach((moon, i) => {
    const angle = Math.PI * random.uniform();
    const [across, up] = [Math.cos(angle) - 0.5, Math.sin(angle) - 0.25];
    const turned = moon === 0 ? 1 : -1;
    x.set([turned * across + 0.15 * random.normal(), turned * up + 0.15 * random.normal()], 2 * i);
  });
  return datasetOf(
    { x: { data: x, shape: [COUNT, 2] }, y: { data: y, shape: [COUNT] } },
    ["one moon", "the other"],
  );
}
