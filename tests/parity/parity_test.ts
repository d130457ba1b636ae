/** Whoever ports a script finds every name: the tables of names say what is true. */
import { fromTorchConfig, type Optimizer, type State } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { isExported, moduleOf } from "./lines.ts";
import { pageOf, PAGES } from "./pages.ts";
import { parametersOf, tableOf, valueOf } from "./tables.ts";

const tables = (["optax", "torch"] as const).map(tableOf);
const rows = tables.flatMap(({ names }) => Object.entries(names));

Deno.test("every name is here, or the table says why not", () => {
  assertEquals(tables.map(({ names }) => Object.keys(names).length), [427, 44]);
  for (const { names } of tables) {
    for (const [name, row] of Object.entries(names)) {
      if (row.same !== undefined) {
        assert(Object.hasOwn(names, row.same), `${name} is the same as ${row.same}, which is none`);
        assert(names[row.same].same === undefined, `${name} is the same as another name`);
        continue;
      }
      assert(row.group !== undefined, `${name} is in no section`);
      const isSaid = [row.here, row.type, row.why].filter((each) => each !== undefined).length;
      assertEquals(isSaid, 1, `${name} must be here, be a type or have a reason, and only one`);
      if (row.here === undefined) continue;
      assert(isExported(row), `${row.here}, which ${name} is said to be, is not exported`);
      const parameters = parametersOf(row).map(([each]) => each);
      const said = [row.given, row.options, row.without, row.differs].flatMap((each) =>
        Array.isArray(each) ? each : Object.keys(each ?? {})
      );
      assertEquals(said.filter((each) => !parameters.includes(each)), [], `${name} has no such`);
    }
  }
});

Deno.test("options and lines of code are as the types say, and each line runs", async () => {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, moduleOf(tables));
    const checked = await new Deno.Command(Deno.execPath(), { args: ["check", file] }).output();
    assert(checked.success, new TextDecoder().decode(checked.stderr));
    const { lines } = await import(`file://${file}`) as {
      lines: readonly (readonly [name: string, run: () => unknown])[];
    };
    assertEquals(lines.length, rows.filter(([, row]) => row.code).length);
    for (const [name, run] of lines) {
      try {
        const made = run();
        assert(made !== undefined);
        if (isOptimizer(made)) stepped(made);
        else if (typeof made === "function" && made.length === 1) {
          assert(Number.isFinite(made(3)), `${made(3)} is no value of a schedule`);
        }
      } catch (error) {
        throw new Error(`the line of ${name} does not run`, { cause: error });
      }
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("fromTorchConfig takes each class of PyTorch with its defaults, which are its own", () => {
  const classes = Object.entries(tables[1].names).filter(([, row]) => row.config);
  assertEquals(classes.length, 13);
  for (const [name, row] of classes) {
    const options = Object.fromEntries(
      parametersOf(row).filter(([each]) => each !== "params")
        .map(([each, usual]) => [each, valueOf(usual!)]),
    );
    const given = { optimizer: name, ...options };
    assertEquals(
      stepped(fromTorchConfig(given)),
      stepped(fromTorchConfig({ optimizer: name })),
      name,
    );
  }
});

Deno.test("the pages are those of the tables", async () => {
  for (const library of ["optax", "torch"] as const) {
    assertEquals(
      await Deno.readTextFile(PAGES[library]),
      await pageOf(library),
      "run `deno run -A tests/parity/pages.ts`",
    );
  }
});

function isOptimizer(value: unknown): value is Optimizer {
  return typeof value === "object" && value !== null && "program" in value && "step" in value;
}

/** What a step may ask of its caller, on a loss whose gradient is the same everywhere. */
const answers = {
  value: 1,
  valueAndGrad: (params: Params) => [sumOf(params), gradientAt(2)],
  valueFn: (params: Params) => sumOf(params),
  hessianVectorProduct: () => gradientAt(3),
};

type Params = ReturnType<typeof gradientAt>;

const sumOf = ({ w, bias }: Params) => [...w.data, ...bias].reduce((sum, each) => sum + each, 0);

/** The parameters after three steps. */
function stepped(opt: Optimizer) {
  const make = gradientAt;
  const params = make(1);
  const state: State = opt.init(params);
  for (let step = 0; step < 3; step++) {
    const inputs = Object.fromEntries(
      [...opt.program.inputs].map(([name, kind]) => [name, kind === "scalar" ? 1 : make(5)]),
    );
    opt.step(params, make(2 + step), state, { ...inputs, ...answers });
  }
  assert(params.w.data.every((each) => Number.isFinite(each)), "a step is not finite");
  return params;
}

function gradientAt(at: number) {
  return {
    w: { data: Float32Array.from({ length: 6 }, (_, i) => Math.sin(at + i)), shape: [2, 3] },
    bias: Float32Array.of(at / 4),
  };
}
