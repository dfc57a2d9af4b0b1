// Package params is the one contract of an endpoint's parameters. [Compile] checks the definitions of an endpoint file;
// the [Contract] that it makes reads a request's values, holds them against the contract and the share contexts, and gives
// the values that a source binds.
//
// The contract is the judge, and the JSON Schema that callers see is generated from it. A test with random values
// proves that both accept the same. The package knows no YAML, no HTTP and no SQL.
//
// Start reading at [Contract] in contract.go; bind.go is a request's way through it, and judge.go has the rules.
package params
