/** One target, one function, one fault after the other. */
import { inProcess, openStage } from "@countersign/fixture/stage";
import { BODY_BROKEN_OFF } from "./body_broken_off.ts";
import { CLIENT_LEAVES } from "./client_leaves.ts";
import { CLOCK_STEPS } from "./clock_steps.ts";
import { type Fault, startMeasured } from "./fault.ts";
import { LARGE_BODY } from "./large_body.ts";
import { LISTEN_CUT } from "./listen_cut.ts";
import { MANY_CONNECTIONS } from "./many_connections.ts";
import { PASSWORD_CHANGED } from "./password_changed.ts";
import { POSTGRES_KILLED } from "./postgres_killed.ts";
import { POSTGRES_RESTARTED } from "./postgres_restarted.ts";
import { POSTGRES_SLOW } from "./postgres_slow.ts";
import { POSTGRES_SILENT, POSTGRES_UNREACHABLE } from "./postgres_unreachable.ts";
import { POSTGREST_HUNG } from "./postgrest_hung.ts";
import { POSTGREST_KILLED } from "./postgrest_killed.ts";
import { SLOW_UPLOAD } from "./slow_upload.ts";
import { UNKNOWN_ISSUERS } from "./unknown_issuers.ts";

const FAULTS: readonly Fault[] = [
  BODY_BROKEN_OFF,
  CLIENT_LEAVES,
  MANY_CONNECTIONS,
  LARGE_BODY,
  SLOW_UPLOAD,
  UNKNOWN_ISSUERS,
  CLOCK_STEPS,
  LISTEN_CUT,
  PASSWORD_CHANGED,
  POSTGRES_UNREACHABLE,
  POSTGRES_SILENT,
  POSTGRES_SLOW,
  POSTGREST_HUNG,
  POSTGREST_KILLED,
  POSTGRES_RESTARTED,
  POSTGRES_KILLED,
];

Deno.test("functions/rest under faults", async (t) => {
  await using stage = await openStage(inProcess);
  await using running = await startMeasured({
    ...stage.env,
    COUNTERSIGN_UPSTREAM_URL: stage.target.postgrestUrl,
  });
  const scene = { stage, function: running, recovered: new Map<string, number>() };
  for (const fault of FAULTS) await t.step(fault.name, () => fault.run(scene));
  for (const [name, took] of scene.recovered) console.log(`${took}\t${name}`);
});
