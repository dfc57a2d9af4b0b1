// Reads one JSON document per line from standard input and answers each with one:
//   {do: "verify", jwks, token, issuer, audience, algorithms}  the claims, or the error's code
//   {do: "key", alg, kid}                                      a new key pair, of which the public JWK is shown
//   {do: "sign", kid, header, claims}                          a token
import { createInterface } from "node:readline";
import { SignJWT, createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from "jose";

const privateKeys = new Map();
const keySets = new Map();

const commands = {
  async verify({ jwks, token, issuer, audience, algorithms }) {
    if (!keySets.has(jwks)) keySets.set(jwks, createRemoteJWKSet(new URL(jwks), { cooldownDuration: 0 }));
    const { payload, protectedHeader } = await jwtVerify(token, keySets.get(jwks), {
      issuer, audience, algorithms, typ: "at+jwt", requiredClaims: ["sub", "client_id", "iat", "jti", "exp"],
    });
    return { claims: payload, header: protectedHeader };
  },
  async key({ alg, kid }) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    privateKeys.set(kid, privateKey);
    return { jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
  },
  async sign({ kid, header, claims }) {
    return { token: await new SignJWT(claims).setProtectedHeader(header).sign(privateKeys.get(kid)) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    console.log(JSON.stringify(await commands[command.do](command)));
  } catch (error) {
    console.log(JSON.stringify({ error: error.code ?? error.message }));
  }
}
