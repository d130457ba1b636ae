/** Runs the tests of the group "derive", which `together.ts` describes. */
import { together } from "../together.ts";

await together("derive");
