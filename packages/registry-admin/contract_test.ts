import { generateIssuerKeyPair } from "@countersign/signer";
import { restKeySource } from "@countersign/verifier";
import assert from "node:assert/strict";
import {
  eachWay,
  local,
  newKey,
  refused,
  register,
  rotate,
  WAYS,
  withTarget,
} from "./fixtures/every_way.ts";
import {
  activateIssuer,
  activateKey,
  auditLog,
  deactivateIssuer,
  getIssuerRecord,
  getPolicy,
  listIssuers,
  listPublicKeys,
  registerPublicKey,
  RegistryError,
  revokeKey,
  setPolicy,
} from "./mod.ts";

withTarget();

eachWay(
  "registerPublicKey() refuses a key of another issuer, and does not say whose",
  async (s) => {
    await register(s);
    const thief = { ...s, issuer: `${s.issuer}-thief`, roles: ["widgets_writer"] };
    await assert.rejects(register(thief), (error) => {
      assert(error instanceof RegistryError);
      assert.equal(error.code, "key_belongs_to_another_issuer");
      assert(!error.message.includes(s.issuer));
      return true;
    });
    assert.equal(
      (await listIssuers(s.target)).some(({ issuer }) => issuer === thief.issuer),
      false,
    );

    const { publicKey } = await newKey();
    assert.equal((await register({ ...thief, publicKey })).issuer, thief.issuer);
  },
);

eachWay("registerPublicKey() does not bring back a revoked key", async (s) => {
  await register(s);
  await revokeKey(s.target, s.kid);
  await refused(
    "key_revoked",
    register({ ...s, roles: ["widgets_writer"] }),
    /activateKey/,
  );
  assert.deepEqual((await getPolicy(s.target, s.issuer)).roles, []);

  await activateKey(s.target, s.kid);
  assert.equal((await register(s)).is_active, true);
});

eachWay("registerPublicKey() stores the row and returns it", async (s) => {
  const before = Date.now();
  const { created_at, updated_at, public_key, ...row } = await register({
    ...s,
    notBefore: 1_900_000_000,
    notAfter: 1_900_003_600,
  });
  assert.deepEqual(row, {
    issuer: s.issuer,
    kid: s.kid,
    algorithm: "ES256",
    is_active: true,
    not_before: "2030-03-17T17:46:40.000Z",
    not_after: "2030-03-17T18:46:40.000Z",
  });
  assert.equal(public_key.trim(), s.publicKey.trim());
  assert.equal(created_at, updated_at);
  assert(Math.abs(Date.parse(created_at) - before) < 60_000);
  const listed = (await listPublicKeys(s.target)).filter(({ issuer }) => issuer === s.issuer);
  assert.deepEqual(listed, [{ created_at, updated_at, public_key, ...row }]);
});

eachWay("registerPublicKey() changes nothing when it is repeated", async (s) => {
  const options = { ...s, roles: ["widgets_writer"] };
  const first = await register(options);
  const changes = (await auditLog(s.target, { issuer: s.issuer })).length;
  const spelling = s.publicKey.replaceAll("\n", "\r\n");
  assert.deepEqual(await register({ ...options, publicKey: spelling }), first);
  assert.equal((await auditLog(s.target, { issuer: s.issuer })).length, changes);
});

eachWay("registerPublicKey() warns of what was probably not meant", async (s) => {
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  await register({ ...s, onWarning });
  assert.deepEqual(warnings.splice(0), [
    `Issuer "${s.issuer}" has no roles yet: its tokens are refused until some are named`,
  ]);
  await deactivateIssuer(s.target, s.issuer);
  await register({ ...s, ...await newKey(), roles: ["widgets_writer"], onWarning });
  assert.deepEqual(warnings.map((message) => message.split('" ')[1]), [
    "is deactivated: its tokens are refused until it is activated",
    "has other keys, and they keep working: rotate or revoke what is no longer used",
  ]);
});

for (
  const [what, issuer, message] of [
    ["the target's own name", "https://prod-abc123.supabase.co/auth/v1", /for itself/],
    ["an empty name", "", /visible/],
    ["a name with a line break", "billing\nadmin", /visible/],
    ["a name with white space at its end", "billing ", /visible/],
  ] as const
) {
  eachWay(`registerPublicKey() refuses ${what}`, async (s) => {
    await refused("invalid_argument", register({ ...s, issuer }), message);
  });
}

eachWay("registerPublicKey() refuses a begin that is later than the end", async (s) => {
  const times = { notBefore: 1_900_000_000, notAfter: 1_800_000_000 };
  await refused("invalid_argument", register({ ...s, ...times }), /earlier/);
  await register({ ...s, notBefore: times.notAfter, notAfter: times.notBefore });
});

eachWay("registerPublicKey() keeps a key's algorithm", async (s) => {
  const { publicKey } = await generateIssuerKeyPair({ algorithm: "PS256" });
  await register({ ...s, publicKey, algorithm: "PS256" });
  await refused("conflict", register({ ...s, publicKey, algorithm: "RS256" }), /PS256/);
  assert.equal(
    (await register({ ...s, publicKey, algorithm: "PS256" })).algorithm,
    "PS256",
  );
});

eachWay("deactivateIssuer() refuses a name that is not registered", async (s) => {
  await refused("issuer_not_found", deactivateIssuer(s.target, s.issuer));
  await register(s);
  await deactivateIssuer(s.target, s.issuer);
});

eachWay("activateIssuer() restores what was there, and no key that had been revoked", async (s) => {
  const other = await newKey();
  const first = await register({ ...s, roles: ["widgets_writer"] });
  await register({ ...s, ...other });
  await revokeKey(s.target, other.kid);
  const before = await getPolicy(s.target, s.issuer);

  await deactivateIssuer(s.target, s.issuer);
  const ours = async () =>
    (await listPublicKeys(s.target)).filter(({ issuer }) => issuer === s.issuer);
  assert.deepEqual((await ours()).map(({ is_active }) => is_active), [false, false]);
  const [summary] = (await listIssuers(s.target)).filter(({ issuer }) => issuer === s.issuer);
  assert.equal(summary?.isActive, false);
  assert.deepEqual(summary?.keys.map(({ state }) => state), ["current", "revoked"]);

  await activateIssuer(s.target, s.issuer);
  const [restored, revoked] = await ours();
  assert.deepEqual(restored, first);
  assert.equal(revoked?.is_active, false);
  assert.deepEqual(await getPolicy(s.target, s.issuer), before);
});

eachWay("revokeKey() refuses a key that is not registered", async (s) => {
  await refused("key_not_found", revokeKey(s.target, s.kid));
  await refused("key_not_found", revokeKey(s.target, "x' or true --"));
  await register(s);
  assert.equal((await revokeKey(s.target, s.kid)).is_active, false);
});

eachWay("rotateKey() refuses an issuer that is not registered", async (s) => {
  await refused("issuer_not_found", rotate(s));
  await register(s);
  await rotate({ ...s, ...await newKey() });
});

eachWay("rotateKey() refuses a key of another issuer and a revoked key", async (s) => {
  const other = await newKey();
  await register(s);
  await register({ ...s, ...other, issuer: `${s.issuer}-other` });
  await refused("key_belongs_to_another_issuer", rotate({ ...s, ...other }));
  await revokeKey(s.target, s.kid);
  await refused("key_revoked", rotate(s));
});

eachWay("rotateKey() makes the key current, and ends the old ones after the overlap", async (s) => {
  const [next, standby] = [await newKey(), await newKey()];
  const start = Date.UTC(2026, 11, 24);
  await register({ ...s, roles: ["widgets_writer"] });
  await register({ ...s, ...standby, notBefore: start / 1000 + 86_400 });
  const policy = await getPolicy(s.target, s.issuer);

  const rotation = { ...s, ...next, overlap: 600, now: () => start };
  const { key, retiring } = await rotate(rotation);
  assert.deepEqual(
    { issuer: key.issuer, kid: key.kid, not_before: key.not_before, not_after: key.not_after },
    { issuer: s.issuer, kid: next.kid, not_before: null, not_after: null },
  );
  assert.deepEqual(retiring.map(({ kid, not_after }) => ({ kid, not_after })), [
    { kid: s.kid, not_after: "2026-12-24T00:10:00.000Z" },
  ]);
  assert.deepEqual(await getPolicy(s.target, s.issuer), policy);

  const later = await rotate({ ...rotation, now: () => start + 300_000 });
  assert.deepEqual(later, { key, retiring: [] });

  const back = await rotate({ ...rotation, publicKey: s.publicKey });
  assert.deepEqual(
    [back.key.kid, back.key.not_after, back.retiring.map(({ kid }) => kid)],
    [s.kid, null, [next.kid]],
  );
  const states = (at: number) =>
    listIssuers(s.target, { now: () => at }).then((issuers) =>
      issuers.find(({ issuer }) => issuer === s.issuer)?.keys.map(({ state }) => state)
    );
  assert.deepEqual(await states(start), ["current", "standby", "current"]);
  assert.deepEqual(await states(start + 600_000), ["current", "standby", "retired"]);
});

eachWay(
  "rotateKey() called at once by many leaves one lasting key, and the others hear of it",
  async (s) => {
    await register(s);
    for (let round = 0; round < 5; round++) {
      const keys = await Promise.all(Array.from({ length: 4 }, () => newKey()));
      const outcomes = await Promise.all(
        keys.map((key) =>
          rotate({ ...s, ...key }).then(({ key }) => key.kid, ({ code }) => String(code))
        ),
      );
      const lost = outcomes.filter((outcome) => outcome === "conflict").length;
      const won = keys.filter(({ kid }) => outcomes.includes(kid));
      assert.equal(won.length + lost, keys.length, String(outcomes));
      const [issuer] = (await listIssuers(s.target)).filter(({ issuer }) => issuer === s.issuer);
      const lasting = issuer?.keys.filter(({ not_after }) => not_after === null);
      assert.equal(lasting?.length, 1);
      assert(won.some(({ kid }) => kid === lasting?.[0]?.kid));
    }
  },
);

eachWay("auditLog() pages from the newest change to the oldest", async (s) => {
  await register(s);
  await setPolicy(s.target, s.issuer, { roles: ["widgets_writer"] });
  await revokeKey(s.target, s.kid);
  const all = await auditLog(s.target, { issuer: s.issuer });
  assert.deepEqual(
    all.map(({ operation, table_name, issuer, kid }) => [operation, table_name, issuer, kid]),
    [
      ["UPDATE", "jwt_public_keys", s.issuer, s.kid],
      ["UPDATE", "jwt_issuers", s.issuer, null],
      ["INSERT", "jwt_public_keys", s.issuer, s.kid],
      ["INSERT", "jwt_issuers", s.issuer, null],
    ],
  );
  const page = (before: number | undefined) =>
    auditLog(s.target, { issuer: s.issuer, limit: 3, ...(before === undefined ? {} : { before }) });
  const first = await page(undefined);
  const second = await page(first.at(-1)?.id);
  assert.deepEqual(await page(second.at(-1)?.id), []);
  const pages = [...first, ...second];
  assert.deepEqual(pages, all);
  await refused("invalid_argument", auditLog(s.target, { limit: 0 }));
  await refused("invalid_argument", auditLog(s.target, { before: 0.5 }));
});

Deno.test("listPublicKeys() and deactivateIssuer() take the target as two arguments", async () => {
  const issuer = `issuer-${crypto.randomUUID()}`;
  const project = [local.url, local.serviceRoleKey] as const;
  await registerPublicKey({
    supabaseUrl: local.url,
    serviceRoleKey: local.serviceRoleKey,
    issuer,
    ...await newKey(),
  });
  await deactivateIssuer(...project, issuer);
  const row = (await listPublicKeys(...project)).find((key) => key.issuer === issuer);
  assert.equal(row?.is_active, false);
});

Deno.test("every way lists the same, byte for byte", async () => {
  const lists = [];
  for (const target of Object.values(WAYS)) {
    lists.push({
      keys: await listPublicKeys(target()),
      issuers: await listIssuers(target(), { now: () => 1_800_000_000_000 }),
      audit: await auditLog(target(), { limit: 1000 }),
    });
  }
  for (const list of lists) assert.deepEqual(list, lists[0]);
});

eachWay("getIssuerRecord() reads what a verifier's own source reads", async (s) => {
  assert.equal(await getIssuerRecord(s.target, s.issuer), undefined);
  await register({ ...s, roles: ["widgets_writer"], rejectIssuedBefore: 1_800_000_000 });
  const { url: supabaseUrl, serviceRoleKey } = local;
  const source = restKeySource({ supabaseUrl, serviceRoleKey });
  assert.deepEqual(await getIssuerRecord(s.target, s.issuer), await source.find(s.issuer));
});

eachWay("registerPublicKey() gives a key to one issuer when several ask at once", async (s) => {
  const names = [1, 2, 3, 4].map((number) => `${s.issuer}-${number}`);
  const outcomes = await Promise.allSettled(names.map((issuer) => register({ ...s, issuer })));
  const won = outcomes.flatMap((outcome) => outcome.status === "fulfilled" ? [outcome.value] : []);
  const lost = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason] : []);
  assert.equal(won.length, 1);
  assert.deepEqual(lost.map(({ code }) => code), Array(3).fill("key_belongs_to_another_issuer"));
  const owners = (await listPublicKeys(s.target)).filter(({ kid }) => kid === s.kid);
  assert.deepEqual(owners, won);
});
