import { get } from "node:http";

/** The status of a GET, or `undefined` without a response. `node:http` ignores HTTP_PROXY, unlike `fetch`. */
export function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", () => resolve(undefined));
  });
}
