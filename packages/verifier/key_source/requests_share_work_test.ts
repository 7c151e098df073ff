import assert from "node:assert/strict";
import { restKeySource } from "./rest_key_source.ts";
import { requestsShareWork } from "./requests_share_work.ts";

/** Says that this is Workers, until it is disposed of. */
function onWorkers(): Disposable {
  const value = "Cloudflare-Workers";
  Object.defineProperty(navigator, "userAgent", { value, configurable: true });
  return { [Symbol.dispose]: () => void Reflect.deleteProperty(navigator, "userAgent") };
}

/** A source with a registry that counts, and a clock that the test moves. */
function counted(answer: () => Response = row) {
  let asked = 0;
  let now = 0;
  const source = restKeySource({
    supabaseUrl: "https://ref.supabase.co",
    serviceRoleKey: "sb_secret_a",
    now: () => now,
    fetch: () => {
      asked++;
      return Promise.resolve(answer());
    },
  });
  return { source, asked: () => asked, pass: (milliseconds: number) => void (now += milliseconds) };
}

const row = () =>
  Response.json([{
    issuer: "billing",
    is_active: true,
    allowed_roles: [],
    default_role: null,
    allowed_subjects: null,
    allow_user_subjects: false,
    allowed_claims: null,
    audiences: null,
    max_token_lifetime: 300,
    max_exchange_lifetime: null,
    reject_issued_before: null,
    single_use: false,
    mode: "enforce",
    keys: [],
    revoked_kids: [],
  }]);

Deno.test("requestsShareWork() is false on Workers alone", () => {
  assert.equal(requestsShareWork(), true);
  using _ = onWorkers();
  assert.equal(requestsShareWork(), false);
});

Deno.test("restKeySource() shares one read among those who wait, but not on Workers", async () => {
  for (const [reads, workers] of [[1, false], [3, true]] as const) {
    using _ = workers ? onWorkers() : { [Symbol.dispose]: () => {} };
    const { source, asked } = counted();
    await Promise.all([1, 2, 3].map(() => source.find("billing")));
    assert.equal(asked(), reads);
  }
});

Deno.test("restKeySource() reads ahead in the background, but not on Workers", async () => {
  for (const [reads, workers] of [[2, false], [1, true]] as const) {
    using _ = workers ? onWorkers() : { [Symbol.dispose]: () => {} };
    const { source, asked, pass } = counted();
    await source.find("billing");
    pass(4_000);
    await source.find("billing");
    await new Promise((resolve) => setTimeout(resolve)); // what is in the background
    assert.equal(asked(), reads);
    // Past its staleness a record is read again everywhere.
    pass(5_001);
    await source.find("billing");
    assert.equal(asked(), reads + 1);
  }
});

Deno.test("sealKey() over REST shares one read, and reads ahead of time, but not on Workers", async () => {
  for (const [reads, ahead, workers] of [[1, 2, false], [3, 3, true]] as const) {
    using _ = workers ? onWorkers() : { [Symbol.dispose]: () => {} };
    const { source, asked, pass } = counted(() =>
      Response.json([{ id: "seal", secret: "A".repeat(43) }])
    );
    const keys = await Promise.all([1, 2, 3].map(() => source.sealKey?.()));
    assert.equal(asked(), reads);
    pass(2_500);
    assert.equal(source.sealKey?.(), await keys.at(-1));
    assert.equal(asked(), ahead);
    pass(2_500);
    assert.equal((await source.sealKey?.())?.id, "seal");
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
});
