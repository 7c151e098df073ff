import assert from "node:assert/strict";
import { defaultAudience } from "../swap-proxy/audience.ts";
import { ownAudiences } from "./own_audiences.ts";

for (
  const url of [
    "https://prod-abc123.supabase.co",
    "https://prod-abc123.supabase.co/",
    "https://PROD-abc123.supabase.co",
    "https://db.example.com/base",
    "https://prod-abc123.supabase.co.example.com",
    "http://127.0.0.1:54321",
  ]
) {
  Deno.test(`ownAudiences() is what the proxy expects of ${url}`, () => {
    assert.deepEqual(ownAudiences(url), [...defaultAudience(new URL(url))]);
  });
}
