package caddyfile_test

import (
	"strings"
	"testing"
)

func TestMistakesInTrustedIssuers(t *testing.T) {
	const idp = "\t\t\t\tissuer https://idp.example\n\t\t\t\taudience api\n\t\t\t\tjwks https://idp.example/keys\n"
	const acme = "\t\t\t\tcompany acme\n"
	trust := func(name, lines string) string { return "\t\t\ttrust " + name + " {\n" + lines + "\t\t\t}\n" }
	for name, test := range map[string]struct{ tokens, want string }{
		"no name":           {"\t\t\ttrust\n", "4: trust needs a name of your choice"},
		"a wrong name":      {trust("IdP", idp+acme), `9: tokens.trusts: "IdP" cannot name an issuer`},
		"twice":             {trust("idp", idp+acme) + trust("idp", idp+acme), "10: trust idp is set twice"},
		"one issuer twice":  {trust("a", idp+acme) + trust("b", idp+acme), "15: tokens.trusts: a and b have one issuer, https://idp.example"},
		"unknown option":    {trust("idp", "\t\t\t\tkeys x\n"), `5: unknown trust option "keys": allowed are algorithms, audience, authorization_endpoint, client_id, client_secret, company, company_claim, issuer, jwks, scopes, token_endpoint, types and user_claim`},
		"nothing":           {"\t\t\ttrust idp\n", "4: tokens.trusts.idp"},
		"no company":        {trust("idp", idp), "8: tokens.trusts.idp.company is missing"},
		"both":              {trust("idp", idp+acme+"\t\t\t\tcompany_claim c acme\n"), "10: tokens.trusts.idp.company and company_claim exclude each other"},
		"a claim alone":     {trust("idp", idp+"\t\t\t\tcompany_claim tenant\n"), "9: tokens.trusts.idp.companies is missing: list the companies that the claim tenant may name"},
		"no claim":          {trust("idp", idp+"\t\t\t\tcompany_claim\n"), "8: company_claim needs a claim and the companies that it may name"},
		"company":           {trust("idp", idp+"\t\t\t\tcompany Acme\n"), `9: tokens.trusts.idp.company "Acme" is no slug`},
		"HS256":             {trust("idp", idp+acme+"\t\t\t\talgorithms RS256 HS256\n"), `10: tokens.trusts.idp.algorithms: "HS256" is not allowed; choose of EdDSA`},
		"none":              {trust("idp", idp+acme+"\t\t\t\talgorithms none\n"), `10: tokens.trusts.idp.algorithms: "none" is not allowed`},
		"no algorithms":     {trust("idp", idp+acme+"\t\t\t\talgorithms\n"), `9: algorithms needs one or more, such as RS256`},
		"no types":          {trust("idp", idp+acme+"\t\t\t\ttypes\n"), `9: types needs one or more, such as at+jwt`},
		"plain http":        {trust("idp", strings.Replace(idp, "https://idp.example/keys", "http://idp.example/keys", 1)+acme), "9: tokens.trusts.idp.jwks http://idp.example: must be an https URL"},
		"a password":        {trust("idp", strings.Replace(idp, "https://idp.example/keys", "https://u:p4ss@idp.example/", 1)+acme), "9: tokens.trusts.idp.jwks must be a URL without a user"},
		"no keys":           {trust("idp", "\t\t\t\tissuer https://idp.example\n\t\t\t\taudience api\n"+acme), "8: tokens.trusts.idp.jwks is missing"},
		"no audience":       {trust("idp", strings.Replace(idp, "\t\t\t\taudience api\n", "", 1)+acme), `8: tokens.trusts.idp.audience is ""`},
		"our own issuer":    {"\t\t\tissuer https://idp.example\n" + trust("idp", idp+acme), "10: tokens.trusts.idp.issuer is this server's own"},
		"algorithm":         {"\t\t\talgorithm RS256\n", `4: tokens.algorithm is "RS256": allowed are EdDSA, ES256 and HS256`},
		"algorithm, secret": {"\t\t\talgorithm ES256\n\t\t\ths256_secret {env.X}\n", "5: tokens.algorithm is ES256, and tokens.hs256_secret is for HS256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := adapt(t, "{\n\tdata_api {\n\t\ttokens {\n"+test.tokens+"\t\t}\n\t}\n}\n")
			line, message, _ := strings.Cut(test.want, ": ")
			if err == nil || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), "Caddyfile:"+line) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "p4ss") {
				t.Error("the error shows a password")
			}
		})
	}
}
