// Package pgtest gives tests a real PostgreSQL. It starts a temporary cluster on a Unix socket from the installed
// programs, as a user who is not root. Where there are none it uses Docker, else the test fails with one line that says what
// is missing. No test is ever skipped.
//
// DATA_API_TEST_DSN, the DSN of a superuser, makes [New] use that server instead.
//
// It is for tests, benchmarks and the demo only, and knows nothing of the product. Start reading at [New] and [NewCluster].
package pgtest
