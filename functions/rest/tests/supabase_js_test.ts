/**
 * An unmodified supabase-js through the gateway and the function, configured as an issuer would.
 */
import assert from "node:assert/strict";
import { startLocalTarget } from "@countersign/local-target";
import { registerPublicKey } from "@countersign/registry-admin";
import { createTokenSource, generateIssuerKeyPair } from "@countersign/signer";
import { propagation } from "@opentelemetry/api";
import "@supabase/supabase-js/tracing";
import { createClient } from "@supabase/supabase-js";
import { SCHEMA } from "@countersign/fixture/stage";

const FUNCTION = {
  entrypoint: new URL("../index.ts", import.meta.url),
  importMap: new URL("../deno.json", import.meta.url),
};

interface Widget {
  id: number;
  name: string;
  note: string | null;
  owner_issuer: string;
}

Deno.test("an unmodified supabase-js works through the function", async (t) => {
  await using target = await startLocalTarget({ sql: [SCHEMA], function: FUNCTION });
  const pair = await generateIssuerKeyPair();
  await registerPublicKey({
    databaseUrl: target.databaseUrl,
    issuer: "warehouse",
    publicKey: pair.publicKey,
    roles: ["widgets_writer"],
  });
  const tokens = createTokenSource({
    privateKey: pair.privateKey,
    issuer: "warehouse",
    audience: target.url,
    claims: { sub: "press-1", role: "widgets_writer" },
    reuse: 0.5,
  });
  const client = createClient(target.functionsUrl, target.publishableKey, { accessToken: tokens });
  const widgets = () => client.from("widgets");
  const done = <T>({ data, error }: { data: T; error: unknown }): T => {
    assert.equal(error, null);
    return data;
  };

  await t.step("insert, and return what the database made of it", async () => {
    const answer = await widgets().insert([{ name: "a" }, { name: "b" }, { name: "c" }]).select();
    assert.equal(answer.status, 201);
    const rows: Widget[] = done(answer) ?? [];
    assert.deepEqual(rows.map(({ name, owner_issuer }) => [name, owner_issuer]), [
      ["a", "warehouse"],
      ["b", "warehouse"],
      ["c", "warehouse"],
    ]);
  });
  await t.step("select with filters and an order", async () => {
    const rows = done(
      await widgets().select("name").neq("name", "b").order("name", { ascending: false }),
    );
    assert.deepEqual(rows, [{ name: "c" }, { name: "a" }]);
  });
  await t.step("update", async () => {
    const rows = done(await widgets().update({ note: "seen" }).eq("name", "a").select("name,note"));
    assert.deepEqual(rows, [{ name: "a", note: "seen" }]);
  });
  await t.step("upsert", async () => {
    const rows = done(
      await widgets().upsert([{ name: "a", note: "again" }, { name: "d", note: "new" }], {
        onConflict: "name",
      }).select("name,note"),
    );
    assert.deepEqual(rows, [{ name: "a", note: "again" }, { name: "d", note: "new" }]);
  });
  await t.step("delete", async () => {
    assert.deepEqual(done(await widgets().delete().eq("name", "d").select("name")), [{
      name: "d",
    }]);
  });
  await t.step("count, with and without rows", async () => {
    const { count, data } = await widgets().select("*", { count: "exact", head: true });
    assert.deepEqual([count, data], [3, null]);
    const counted = await widgets().select("name", { count: "exact" }).limit(1);
    assert.deepEqual([counted.count, counted.data?.length], [3, 1]);
  });
  await t.step("range, and one that lies behind the end", async () => {
    const rows = done(await widgets().select("name").order("name").range(1, 2));
    assert.deepEqual(rows, [{ name: "b" }, { name: "c" }]);
    const { error, status } = await widgets().select("name", { count: "exact" }).range(9, 10);
    assert.deepEqual([status, error?.code], [416, "PGRST103"]);
  });
  await t.step("single and maybeSingle", async () => {
    assert.deepEqual(done(await widgets().select("name").eq("name", "a").single()), { name: "a" });
    assert.equal(done(await widgets().select("name").eq("name", "none").maybeSingle()), null);
    const { error, status } = await widgets().select("name").single();
    assert.deepEqual([status, error?.code, error?.details], [
      406,
      "PGRST116",
      "The result contains 3 rows",
    ]);
  });
  await t.step("csv", async () => {
    assert.equal(done(await widgets().select("name").order("name").csv()), "name\na\nb\nc");
  });
  await t.step("rpc, by POST and by GET", async () => {
    const whoami: { user: string; claims: { iss: string } } = done(await client.rpc("whoami"));
    assert.deepEqual([whoami.user, whoami.claims.iss], ["widgets_writer", "warehouse"]);
    const text = await client.rpc("repeat_text", { piece: "ab", times: 2 }, { get: true });
    assert.equal(done(text), "abab");
  });
  await t.step("another schema", async () => {
    const rows = done(await client.schema("reports").from("totals").select("total"));
    assert.deepEqual(rows, [{ total: 7 }]);
  });
  await t.step("abortSignal", async () => {
    const { error } = await widgets().select().abortSignal(AbortSignal.abort());
    assert.match(String(error?.message), /abort/i);
  });

  await t.step("a row of four megabytes, there and back", async () => {
    const note = "é".repeat(2 * 1024 * 1024);
    done(await widgets().insert({ name: "large", note }));
    const row = done(await widgets().select("note").eq("name", "large").single());
    assert.equal(row?.note, note);
    done(await widgets().delete().eq("name", "large"));
  });

  await t.step("errors of PostgREST arrive as it wrote them", async () => {
    const missing = await client.from("no_such_table").select();
    assert.deepEqual([missing.status, missing.error?.code], [404, "42P01"]);
    const twice = await widgets().insert({ name: "a" });
    assert.deepEqual([twice.status, twice.error?.code], [409, "23505"]);
    assert.match(String(twice.error?.message), /duplicate key value .*"widgets_name_key"/);
    const foreign = await widgets().insert({ name: "e", owner_issuer: "billing" });
    assert.deepEqual([foreign.status, foreign.error?.code], [403, "42501"]);
    const forbidden = await client.from("invoices").select();
    assert.deepEqual([forbidden.status, forbidden.error?.code], [403, "42501"]);
  });
  await t.step("a refusal of the function arrives as an error with code and hint", async () => {
    const stranger = createClient(target.functionsUrl, target.publishableKey, {
      accessToken: createTokenSource({
        privateKey: (await generateIssuerKeyPair({ algorithm: "ES256" })).privateKey,
        issuer: "warehouse",
        claims: { sub: "press-1", role: "widgets_writer" },
      }),
    });
    const { status, error, data } = await stranger.from("widgets").select();
    assert.deepEqual([status, error?.code, data], [401, "token_refused", null]);
    assert.match(String(error?.hint), /operator/);
  });
  await t.step("its trace goes on in SQL", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    propagation.setGlobalPropagator({
      inject: (_context, carrier, setter) => setter.set(carrier, "traceparent", traceparent),
      extract: (context) => context,
      fields: () => ["traceparent"],
    });
    try {
      const traced = createClient(target.functionsUrl, target.publishableKey, {
        accessToken: tokens,
        tracePropagation: { enabled: true },
      });
      const seen: Record<string, string> = done(await traced.rpc("seen_headers"));
      assert.equal(seen["traceparent"], traceparent);
      const untraced: Record<string, string> = done(await client.rpc("seen_headers"));
      assert.equal(untraced["traceparent"], undefined);
    } finally {
      propagation.disable();
    }
  });
  await t.step("without accessToken it sends its key, which is nobody's token", async () => {
    const { status, error } = await createClient(target.functionsUrl, target.publishableKey)
      .from("widgets").select();
    assert.deepEqual([status, error?.code], [401, "token_malformed"]);
  });
});
