// What somebody else writes with the types that openapi-typescript makes of our document.
// `tsc` has to accept it, and refuse each line under an @ts-expect-error.

import type { components, operations, paths } from "./claimdesk";

type Claim = components["schemas"]["ClaimOut"];
type Problem = components["schemas"]["Problem"];
type NewClaim = operations["create_claim"]["requestBody"]["content"]["application/json"];
type Filters = NonNullable<paths["/v1/claims"]["get"]["parameters"]["query"]>;

export const body: NewClaim = {
  text: "Serbia has returned its units at the border to normal",
  kind: "event",
  claimant: "belgrade",
  speaker: { name: "Gen. Milan Mojsilović", role: "chief of staff" },
  claimed_at: "2023-10-02T00:00:00Z",
  origin: {
    quotes: [{ text: "…", language: "en", source: { url: "https://example.org/2023/10/03" } }],
  },
};

export const filters: Filters = { status: ["disputed", "confirmed"], story: "kosovo-border-2023" };

// @ts-expect-error: a status is one of four
export const wrong: Filters = { status: ["true"] };

// @ts-expect-error: who claims it has to be said, if only as null
export const incomplete: NewClaim = { text: "…", kind: "event", claimed_at: "2023-10-02T00:00:00Z" };

export function printable(claim: Claim): string {
  const speaker = claim.claimant?.speaker?.name ?? "somebody";
  // @ts-expect-error: a claim without a claimant is unattributed
  claim.claimant.name;
  return claim.status === "confirmed" ? claim.text : `${speaker}: ${claim.print_line}`;
}

export function needs(problem: Problem): string[] {
  return (problem.missing ?? []).map((one) => `${one.need} (has ${one.has}): ${one.detail}`);
}

export async function read(address: string, key: string, id: string): Promise<Claim | Problem> {
  const headers = { Authorization: `Bearer ${key}` };
  const response = await fetch(`${address}/v1/claims/${id}`, { headers });
  return (await response.json()) as Claim | Problem;
}
