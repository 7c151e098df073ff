import { startLocalTarget } from "@countersign/local-target";
import { registerPublicKey } from "@countersign/registry-admin";
import assert from "node:assert/strict";
import { makeIssuer } from "@countersign/fixture";

/** Enough of an OTLP collector to wait until a text has arrived at one of its paths. */
class Collector implements AsyncDisposable {
  readonly #received = new Map<string, string>();
  #arrived = Promise.withResolvers<void>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      this.#received.set(pathname, this.received(pathname) + await request.text());
      this.#arrived.resolve();
      return Response.json({});
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  received(path: string): string {
    return this.#received.get(path) ?? "";
  }

  async has(path: string, ...texts: string[]): Promise<void> {
    const late = setTimeout(
      () => this.#arrived.reject(new Error(`Not at ${path}: ${texts}`)),
      20_000,
    );
    while (!texts.every((text) => this.received(path).includes(text))) {
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
    clearTimeout(late);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

const SCHEMA = `
  select countersign.create_writer_role('widgets_writer');
  create table public.widgets (name text primary key);
  alter table public.widgets enable row level security;
  grant select on public.widgets to widgets_writer;
`;

Deno.test("a function under OTEL_DENO sends spans, counters and the registry's age", async () => {
  await using collector = new Collector();
  await using target = await startLocalTarget({
    sql: [SCHEMA],
    function: {
      entrypoint: new URL("../../../functions/rest/index.ts", import.meta.url),
      env: {
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_METRIC_EXPORT_INTERVAL: "100",
        OTEL_BSP_SCHEDULE_DELAY: "100",
      },
    },
  });
  const issuer = await makeIssuer("service-a");
  await registerPublicKey({
    databaseUrl: target.databaseUrl,
    issuer: "service-a",
    publicKey: issuer.record.keys[0]?.publicKey ?? "",
    algorithm: "ES256",
    roles: ["widgets_writer"],
  });
  const iat = Math.floor(Date.now() / 1000);
  const token = await issuer.sign({ sub: "worker-secret", iat, exp: iat + 60 });
  const response = await fetch(`${target.functionsUrl}/rest/widgets`, {
    headers: { authorization: `Bearer ${token}`, apikey: target.anonKey },
  });
  assert.equal(response.status, 200, await response.text());

  await collector.has("/v1/traces", '"countersign.swap"', '"service-a"', '"forwarded"');
  await collector.has("/v1/metrics", '"countersign.swaps"', '"countersign.registry.age"');
  const told = collector.received("/v1/traces") + collector.received("/v1/metrics");
  for (const text of [token, "worker-secret", target.jwtSecret, target.serviceRoleKey]) {
    assert.equal(told.includes(text), false);
  }
});
