// Package testbed starts real servers for tests, on loopback, each by one function:
//
//	r := testbed.Redis(t)                      // redis-server, empty, answering PING
//	store := open(t, r.URL)
//	r.Kill(); r.Start()                        // as if the machine had lost power
//	r = testbed.RedisOf(t, testbed.Valkey8)    // one of testbed.Kinds
//
// A server listens on a free port, dies with its test (also when the test binary is killed) and writes its
// log into a folder that is printed if the test fails. A test whose server is not installed is skipped with
// one sentence, or fails if KEYSHIFT_REQUIRE_SERVERS=1, as on CI.
package testbed
