// What somebody else writes with openapi-generator's typescript-fetch client of our document.
// `tsc` has to accept it; node runs it with a server's address and a checker's key.

import { ClaimOut, ClaimsApi, Configuration, Kind, PartiesApi } from "./client";

const [address, key] = process.argv.slice(2);
const settings = new Configuration({ basePath: address, accessToken: key });

async function main(): Promise<void> {
  const partyIn = { slug: "belgrade", name: "Belgrade" };
  await new PartiesApi(settings).createParty({ partyIn });
  const claims = new ClaimsApi(settings);
  const source = { url: "https://example.org/a" };
  const recorded: ClaimOut = await claims.createClaim({
    claimIn: {
      text: "Serbia has returned its units at the border to normal",
      kind: Kind.Event,
      claimant: "belgrade",
      claimedAt: new Date("2023-10-02T00:00:00Z"),
      origin: { quotes: [{ text: "Back to normal", language: "en", source }] },
    },
  });
  const read: ClaimOut = await claims.readClaim({ claimId: recorded.id });
  if (read.status !== "asserted" || read.claimant?.name !== "Belgrade") {
    throw new Error(JSON.stringify(read));
  }
  const page = await claims.listClaims({ status: ["asserted"] });
  if (page.items[0]?.id !== recorded.id || page.nextCursor !== null) {
    throw new Error(JSON.stringify(page));
  }
  console.log("the journey ended well");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
