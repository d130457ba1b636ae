/** Runs the tests of the group "search", which `together.ts` describes. */
import { together } from "../together.ts";

await together("search");
