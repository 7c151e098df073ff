/** What the guard answers, beside what the proxy answers: a caller must not learn which of the two refused. */
import { REFUSALS } from "@countersign/swap-proxy";
import assert from "node:assert/strict";
import postgres from "postgres";
import { RegistryDatabase } from "./fixtures/registry_database.ts";

let registry: RegistryDatabase;
Deno.test.beforeAll(async () => {
  registry = await RegistryDatabase.start();
});
Deno.test.afterAll(() => registry.stop());

for (const reason of ["unknown_key", "role_not_allowed", "registry_unavailable"] as const) {
  const { code, status, message, hint, headers } = REFUSALS[reason];

  Deno.test(`refuse_request("${code}") answers as the proxy does`, async () => {
    const refused = await registry.owner`select countersign.refuse_request(${code}, 'a reason')`
      .catch((error: unknown) => error);
    assert.ok(refused instanceof postgres.PostgresError);
    assert.equal(refused.code, "PGRST");
    assert.deepEqual(JSON.parse(refused.message), { code, message, details: null, hint });
    const detail = JSON.parse(refused.detail ?? "");
    const answered = Object.entries<string>(detail.headers)
      .map(([name, value]) => [name.toLowerCase(), value]);
    assert.deepEqual({ status: detail.status, headers: Object.fromEntries(answered) }, {
      status,
      headers: { ...headers },
    });
  });
}
