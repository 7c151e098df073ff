import assert from "node:assert/strict";
import { tokenEndpoint } from "./exchange_url.ts";

Deno.test("tokenEndpoint() takes a function's URL, and nothing that hides something else", () => {
  const endpoint = "https://ref.supabase.co/functions/v1/rest/-/token";
  for (
    const url of [
      "https://ref.supabase.co/functions/v1/rest",
      "https://ref.supabase.co/functions/v1/rest/",
    ]
  ) {
    assert.equal(tokenEndpoint(url), endpoint);
    assert.equal(tokenEndpoint(new URL(url)), endpoint);
  }
  for (
    const url of [
      "",
      "ref.supabase.co",
      "file:///rest",
      "https://a:b@ref.supabase.co",
      "https://x/?y",
      "https://x/#y",
    ]
  ) assert.throws(() => tokenEndpoint(url), TypeError);
});
