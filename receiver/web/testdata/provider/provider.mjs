// A certified OpenID Connect provider on loopback, with its own forms to log in.
// Arguments: where Vigie wants people back, the client's secret, and as JSON the
// claims of each account. It prints its issuer, and ends with its input.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [back, secret, accounts] = process.argv.slice(2);
const people = JSON.parse(accounts);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "vigie", client_secret: secret, redirect_uris: [back], response_types: ["code"], grant_types: ["authorization_code"] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
    pkce: { required: () => true },
    ttl: { AuthorizationCode: 60, IdToken: 300, AccessToken: 300, Session: 3600, Interaction: 600, Grant: 3600 },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.on("end", () => process.exit(0)).resume();
