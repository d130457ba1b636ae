/** The laws by which genomes change. */
import { assert, assertEquals } from "../assert.ts";
import {
  ADAMW,
  type Genome,
  type Mutation,
  type Mutations,
  paperMutations,
  parseGenome,
  Random,
  space,
} from "../../search/mod.ts";
import { mutate } from "../../search/programs/mutations.ts";

const COUNT = 6000;
const paper = space();
const adamw = parseGenome(paper, ADAMW);

function children(mutation: Mutation, genome: Genome = adamw): Genome[] {
  return Array.from({ length: COUNT }, (_, i) => mutation(paper, genome, new Random(1, 0, i))!);
}

/** Whether a share is within 5 standard deviations of what it should be. */
function assertShare(found: number, of: number, share: number, what: string): void {
  const deviation = Math.sqrt(share * (1 - share) / of);
  assert(Math.abs(found / of - share) < 5 * deviation, `${what}: ${found} of ${of}`);
}

const { insert, remove, modify } = Object.fromEntries(
  Object.entries(paperMutations).map(([name, { mutate }]) => [name, mutate]),
);

Deno.test("the paper's mutations are equally likely, and weights are heeded", () => {
  const count = (mutations: Mutations) => {
    const counts = new Map<string, number>();
    for (let i = 0; i < COUNT; i++) {
      const { mutation } = mutate(paper, adamw, mutations, new Random(2, 0, i));
      counts.set(mutation, (counts.get(mutation) ?? 0) + 1);
    }
    return counts;
  };
  const even = count(paperMutations);
  assertEquals([...even.keys()].sort(), ["insert", "modify", "remove"]);
  for (const [name, found] of even) assertShare(found, COUNT, 1 / 3, name);
  const uneven = count({ ...paperMutations, insert: { weight: 2, mutate: insert } });
  assertShare(uneven.get("insert")!, COUNT, 1 / 2, "insert of weight 2");
});

Deno.test("an insertion adds one statement anywhere, into a new variable or one of its kind alike", () => {
  const [places, functions] = [new Set<number>(), new Set<number>()];
  let fresh = 0;
  for (const child of children(insert)) {
    assertEquals(child.length, adamw.length + 1);
    const at = child.findIndex((statement, i) => statement !== adamw[i]);
    assertEquals(child.toSpliced(at, 1), adamw);
    places.add(at);
    functions.add(child[at].call);
    if (/^x[0-9]+$/.test(child[at].target)) fresh++;
  }
  assertEquals(places.size, adamw.length + 1);
  assertEquals(functions.size, paper.functions.length);
  assertShare(fresh, COUNT, 1 / 2, "new variables");
});

Deno.test("a removal takes any one statement that is not needed, and never all that set the update", () => {
  const gone = children(remove).map((child) => {
    assertEquals(child.length, adamw.length - 1);
    return adamw.findIndex((statement, i) => statement !== child[i]);
  });
  // g2, sqrt_v, the first update and wd are read and set nowhere else before.
  const left = adamw.flatMap(({ target }, i) => gone.includes(i) ? [] : [`${i} ${target}`]);
  assertEquals(left, ["0 g2", "3 sqrt_v", "4 update", "5 wd"]);
  assertEquals(
    remove(paper, parseGenome(paper, "update = sign(g)"), new Random(1, 0, 0)),
    undefined,
  );
});

Deno.test("a modification changes one argument; a constant is drawn anew or times 2 to a normal power", () => {
  const genome = parseGenome(paper, "update = mul(g, -8)");
  const constants: number[] = [];
  let variables = 0;
  for (const child of children(modify, genome)) {
    assertEquals([child.length, child[0].call, child[0].target], [1, genome[0].call, "update"]);
    const [variable, constant] = child[0].args;
    assert((variable === "g") !== (constant === -8), "one argument is changed");
    if (constant === -8) {
      variables++;
      assert(["w", "m", "v"].includes(variable as string), "of the same kind");
    } else constants.push(constant as number);
  }
  assertShare(variables, COUNT, 1 / 2, "variables");
  // What is multiplied keeps its sign; half of what is drawn anew has it too.
  const others = constants.filter((constant) => constant > 0);
  assertShare(others.length, constants.length, 1 / 4, "constants of the other sign");
  const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b) / numbers.length;
  assert(Math.abs(mean(others.map((x) => x * x)) - 1) < 0.25, "normal numbers");
  // Below -5 there is next to no normal number: of 2 to a normal power times 8, three in four are there.
  const powers = constants.filter((constant) => constant < -5).map((x) => Math.log2(-x / 8));
  assertShare(powers.length, constants.length, 0.5 * 0.7512, "constants times a power");
  assert(powers.some((power) => power > 2) && powers.every((power) => power < 6));
});
