import { body, mQuote, mayBeJob, type Call } from "./common";

export function powerquery({ origin, company, endpoint, ...call }: Call): string {
  const prefer = mayBeJob(endpoint) ? ', Prefer = "wait=60"' : "";
  return `// Make two text parameters first: DataApiKey and DataApiSecret. Let Power Query connect anonymously: the token signs in.
${prefer ? "// It waits for the job for up to a minute; what takes longer ends in an error.\n" : ""}let
    Base = ${mQuote(origin)},
    Key = Json.FromValue([company_slug = ${mQuote(company)}, api_key = DataApiKey, api_secret = DataApiSecret]),
    Tokens = Json.Document(Web.Contents(Base, [
        RelativePath = "api/v1/auth/api-key",
        Headers = [#"Content-Type" = "application/json"],
        Content = Key
    ])),
    Result = Json.Document(Web.Contents(Base, [
        RelativePath = ${mQuote(endpoint.links.execute.slice(1))},
        Headers = [#"Content-Type" = "application/json", Authorization = "Bearer " & Tokens[access_token]${prefer}],
        Content = Text.ToBinary(${mQuote(body(call))})
    ])),
    Names = List.Transform(Result[columns], each [name]),
    Rows = Table.FromRecords(Result[rows], Names)
in
    Rows
`;
}
